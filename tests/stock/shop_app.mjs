// The shop's app, as @segment/analytics-node tells of it: under a write key of the app's own.
import { Analytics } from '@segment/analytics-node'

const [host, count] = process.argv.slice(2)
const analytics = new Analytics({ writeKey: 'wk_ios', host, path: '/tm/v1/batch' })
const context = { app: { name: 'Shop', version: '3.0' } }
for (let number = 0; number < Number(count); number++) {
  const userId = `user-${number}`
  analytics.track({
    userId, context, event: 'Products Searched',
    properties: { query: 'pot', results: 1, shelf: 'all' },
  })
  analytics.track({
    userId, context, event: 'Product Viewed',
    properties: { product_id: 'iron-pot', name: 'Iron Pot', category: 'cups', price: 48 },
  })
}
await analytics.closeAndFlush()
