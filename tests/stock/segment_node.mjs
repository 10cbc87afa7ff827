// @segment/analytics-node says one of each to the host given, and waits until it is told.
import { Analytics } from '@segment/analytics-node'

const [host, prefix] = process.argv.slice(2)
const analytics = new Analytics({ writeKey: 'wk_node', host, path: `${prefix}/v1/batch` })
const userId = '42'
analytics.track({ userId, event: 'Order Completed', properties: { order_id: '1001', revenue: 39.5 } })
analytics.page({ userId, category: 'Docs', name: 'Home', properties: { step: 2 } })
analytics.screen({ userId, name: 'Cart', properties: { step: 3 } })
analytics.identify({ userId, anonymousId: 'visitor-1', traits: { plan: 'pro' } })
analytics.group({ userId, groupId: 'acme', traits: { name: 'Acme' } })
analytics.alias({ userId, previousId: 'visitor-1' })
for (let number = 0; number < 30; number++) {
  analytics.track({ anonymousId: 'visitor-1', event: 'Tick', properties: { number } })
}
await analytics.closeAndFlush()
