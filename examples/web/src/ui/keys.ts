// What keys mean where one writes.

/** Does a key belong to what is being composed, as Chinese is? Safari ends that first, and then tells of the key: as 229. */
export function isOfComposition({ isComposing, keyCode }: Pick<KeyboardEvent, "isComposing" | "keyCode">): boolean {
  return isComposing || keyCode === 229;
}
