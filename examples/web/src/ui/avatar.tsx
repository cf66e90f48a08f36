// A coloured circle with the beginning of a name, always the same for the same address.

const segmenter = new Intl.Segmenter();

interface Props {
  name: string;
  /** What the colour is made of. */
  seed: string;
  small?: boolean;
}

export function Avatar({ name, seed, small }: Props) {
  return (
    <span class={small ? "avatar small" : "avatar"} style={{ "--hue": hueOf(seed) }} aria-hidden="true">
      {initials(name)}
    </span>
  );
}

/** An angle on the circle of colours. */
export function hueOf(seed: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(seed)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (((hash ^ (hash >>> 15)) >>> 0) % 18) * 20;
}

/** One sign of each of the first two words; of a word of Chinese just one. */
function initials(name: string): string {
  const words = name.split(/[\s_.-]+/u).filter((word) => /^[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(word));
  const signs = words.slice(0, 2).map((word) => [...segmenter.segment(word)][0]?.segment ?? "");
  const [first = "#", second = ""] = signs;
  return (/^\p{sc=Han}/u.test(first) ? first : first + second).toLocaleUpperCase();
}
