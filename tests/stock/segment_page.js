// analytics.js from npm on a page of the host: one of each kind; `said` holds once all were sent.
import { AnalyticsBrowser } from '@segment/analytics-next'

const batching = { strategy: 'batching', config: { size: 3, timeout: 200 } }
const deliveryStrategy = location.search === '?batching' ? batching : undefined

async function say() {
  const analytics = AnalyticsBrowser.load(
    { writeKey: 'wk_web', cdnURL: `${location.origin}/own` },
    { integrations: { 'Segment.io': { apiHost: `${location.host}/own/v1`, protocol: 'http', deliveryStrategy } } },
  )
  await analytics.page('Docs', 'Home', { step: 2 })
  await analytics.track('Order Completed', { order_id: '1001', revenue: 39.5 })
  await analytics.screen('Cart', { step: 3 })
  await analytics.identify('42', { plan: 'pro' })
  await analytics.group('acme', { name: 'Acme' })
  await analytics.alias('42', 'visitor-1')
}
window.said = say()
