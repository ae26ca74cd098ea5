import type { LoadHook } from 'node:module'

/** One edit of a built module. */
export interface Edit {
  readonly url: string
  readonly find: string
  readonly replace: string
}

let edit: Edit | undefined

export function initialize(given: Edit): void {
  edit = given
}

/** Node calls this for each module: the one to be changed is changed as it is loaded, so no file is. */
export const load: LoadHook = async (url, context, next) => {
  const loaded = await next(url, context)
  if (edit === undefined || url !== edit.url) return loaded
  const [before, after, ...more] = String(loaded.source).split(edit.find)
  if (after === undefined || more.length > 0) throw new Error(`the text to be changed must stand once in ${url}`)
  return { ...loaded, source: `${before}${edit.replace}${after}` }
}
