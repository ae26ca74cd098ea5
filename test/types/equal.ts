/** True if the two types are the same, `any` and `readonly` told apart. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** `is<Expected>()(value)` compiles only if the type of `value` is `Expected`. */
export declare function is<Expected>(): <Actual>(
  value: Actual,
  ...differs: Equal<Expected, Actual> extends true ? [] : [never]
) => void
