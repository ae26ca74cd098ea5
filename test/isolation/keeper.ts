import type { Database } from '../../src/index.ts'
import type { Chance } from './chance.ts'
import type { Recorder } from './recorder.ts'
import { CELLS, FAMILIES, KEYS } from './recorder.ts'

/** A client that drops and renames families, and has checkpoints and syncs made, while the others work. */
export class Keeper {
  readonly #db: Database
  readonly #recorder: Recorder
  readonly #chance: Chance

  constructor(db: Database, recorder: Recorder, chance: Chance) {
    this.#db = db
    this.#recorder = recorder
    this.#chance = chance
  }

  async run(steps: number): Promise<void> {
    for (let i = 0; i < steps && !this.#recorder.isBroken; i++) {
      const kind = this.#chance.below(12)
      if (kind === 0) await this.#drop()
      else if (kind < 3) await this.#rename()
      else if (kind === 3) await this.#dropTable()
      else if (kind < 7) await this.#settle('checkpoint')
      else if (kind < 8) await this.#settle('sync')
      for (let pause = 0; pause < 5; pause++) await this.#chance.pause()
    }
  }

  /** What was visible at the call is durable when it has resolved. */
  async #settle(act: 'checkpoint' | 'sync'): Promise<void> {
    const visible = this.#recorder.visible(this.#db)
    await this.#recorder.write(act, undefined, async () => {
      await this.#db[act]()
      this.#recorder.isDurable(visible)
    })
  }

  #drop(): Promise<void> {
    const family = this.#chance.family()
    const name = FAMILIES[family]!
    return this.#recorder.write(
      `drop of ${name}`,
      'immediate',
      transaction => {
        this.#recorder.delete(transaction, family, 0, KEYS)
        return this.#db.dropColumnFamily(name)
      },
      `drop ${name}`,
    )
  }

  #dropTable(): Promise<void> {
    const family = this.#chance.family()
    const name = FAMILIES[family]!
    return this.#recorder.write(
      `drop of the table of ${name}`,
      'immediate',
      transaction => {
        this.#recorder.delete(transaction, family, 0, KEYS)
        return this.#db.columnFamily(name).dropTable(CELLS)
      },
      `drop the table of ${name}`,
    )
  }

  #rename(): Promise<void> {
    const [from, to] = [this.#chance.family(), this.#chance.family()]
    const [source, target] = [FAMILIES[from]!, FAMILIES[to]!]
    return this.#recorder.write(
      `renaming of ${source} to ${target}`,
      'immediate',
      transaction => {
        this.#recorder.step(transaction, { do: 'move', from, to })
        return this.#db.renameColumnFamily(source, target)
      },
      `rename to ${target}`,
    )
  }
}
