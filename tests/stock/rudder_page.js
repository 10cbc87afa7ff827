// RudderStack's script from npm on a page of the host: one of each kind.
import { RudderAnalytics } from '@rudderstack/analytics-js/bundled'

const prefix = `${location.origin}/own`
const rudder = new RudderAnalytics()
rudder.load('wk_web', prefix, { configUrl: `${prefix}/v1`, logLevel: 'DEBUG' })
rudder.page('Docs', 'Home', { step: 2 })
rudder.track('Order Completed', { order_id: '1001', revenue: 39.5 })
rudder.identify('42', { plan: 'pro' })
rudder.group('acme', { name: 'Acme' })
rudder.alias('42', 'visitor-1')
window.said = new Promise((done) => rudder.ready(() => done()))
