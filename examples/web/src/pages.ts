// Lists that come in pages (XEP-0059).

/** All items of a list, however many pages it has. */
export async function readAll<Item>(
  read: (after: string | undefined) => Promise<{ items: Item[]; next: string | undefined }>,
): Promise<Item[]> {
  const all: Item[] = [];
  let after: string | undefined;
  do {
    const { items, next } = await read(after);
    all.push(...items);
    after = items.length > 0 && next !== after ? next : undefined;
  } while (after !== undefined);
  return all;
}
