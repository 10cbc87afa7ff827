// @rudderstack/rudder-sdk-node says one of each to the host given, and waits until it is told.
import rudder from '@rudderstack/rudder-sdk-node'

const [host, prefix] = process.argv.slice(2)
const Analytics = rudder.default ?? rudder
const client = new Analytics('wk_node', { dataPlaneUrl: `${host}${prefix}` })
const userId = '42'
client.track({ userId, event: 'Order Completed', properties: { order_id: '1001', revenue: 39.5 } })
client.page({ userId, category: 'Docs', name: 'Home', properties: { step: 2 } })
client.screen({ userId, name: 'Cart', properties: { step: 3 } })
client.identify({ userId, anonymousId: 'visitor-1', traits: { plan: 'pro' } })
client.group({ userId, groupId: 'acme', traits: { name: 'Acme' } })
client.alias({ userId, previousId: 'visitor-1' })
await client.flush()
