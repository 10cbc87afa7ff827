// @segment/analytics-node as an app speaks: under its own write key, with the app's version.
import { Analytics } from '@segment/analytics-node'

const [host, prefix, version, price, count] = process.argv.slice(2)
const analytics = new Analytics({ writeKey: 'wk_ios', host, path: `${prefix}/v1/batch` })
for (let number = 0; number < Number(count); number++) {
  analytics.track({
    userId: `user-${number}`, event: 'Order Completed',
    properties: { order_id: `${number}`, [price]: 39.5 },
    context: { app: { name: 'Shop', version } },
  })
}
await analytics.closeAndFlush()
