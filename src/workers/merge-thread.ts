import { DatabaseError } from '../base/errors.ts'
import type { MergeJob } from '../engine/merge-job.ts'
import { mergeAll } from '../engine/merge-job.ts'
import type { MergeAnswer } from '../engine/merge-runner.ts'
import { NodeFile } from '../platform/node/file.ts'
import { threadPort } from '../platform/node/thread-port.ts'

/**
 * What a sync at the end would have to write at once holds up the log's syncs for that long: of 110 MB 50 ms. In such pieces
 * the 99.9th percentile of durable batches is 10 ms instead of 45, and 8 writers of them lose 3 % (decision 0016).
 */
const SYNC_BYTES = 16 * 1024 * 1024

/** The body of the thread that merges: takes a job, does it, answers. The descriptor is the owner's and stays open. */
const port = threadPort()

port.onMessage(message => {
  port.post(answer(message as MergeJob))
})

function answer(job: MergeJob): MergeAnswer {
  try {
    const steps = mergeAll(job, new NodeFile(job.path, job.descriptor!, false, false, false), SYNC_BYTES)
    for (;;) {
      const step = steps.next()
      if (step.done) return { result: step.value }
    }
  } catch (error) {
    if (!(error instanceof DatabaseError)) return { error: { code: undefined, message: String(error), details: {} } }
    const { code, message, file, offset, expected, found } = error
    return { error: { code, message, details: { file, offset, expected, found } } }
  }
}
