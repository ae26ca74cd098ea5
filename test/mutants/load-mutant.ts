import { register } from 'node:module'

/** Given to Node with `--import`: the process, and every thread that it starts, runs with one edit of the engine. */
register('./mutant-hooks.js', import.meta.url, { data: JSON.parse(process.env['MANIFOLD_MUTANT']!) })
