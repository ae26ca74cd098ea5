import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeContext } from './context.ts'

test('a value follows its call through everything it awaits, and no other call', async () => {
  const context = nodeContext()
  const [one, two] = [{}, {}]
  const seen = await Promise.all(
    [one, two].map(value =>
      context.run(value, async () => {
        await new Promise<void>(resolve => setImmediate(resolve))
        return context.get() === value
      }),
    ),
  )
  assert.deepEqual(seen, [true, true])
  assert.equal(context.get(), undefined)
  assert.equal(
    context.run(one, () => nodeContext().get()),
    undefined,
  )
})
