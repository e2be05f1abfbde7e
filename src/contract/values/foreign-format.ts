/**
 * Names the format of a payload that is not JSON in UTF-8, so that the reader sees what to change at the sender.
 * Sources: RFC 1952 (gzip), RFC 8878 (Zstandard), the Unicode Standard, 23.8 (byte order mark).
 */

export function foreignFormatOf(payload: Buffer): string | undefined {
  const mark = MARKS.find(([bytes]) => payload.subarray(0, bytes.length).equals(bytes));
  return mark?.[1] ?? unmarkedUtf16(payload);
}

/** JSON begins with two ASCII characters, and in UTF-16 every other byte of those is zero. */
function unmarkedUtf16(payload: Buffer): string | undefined {
  const [first, second, third, fourth] = payload;
  const isLittle = first && second === 0 && third && fourth === 0;
  const isBig = first === 0 && second && third === 0 && fourth;
  return isLittle || isBig ? "UTF-16" : undefined;
}

/** UTF-32 first, because its mark begins with that of UTF-16. */
const MARKS: readonly (readonly [bytes: Buffer, name: string])[] = [
  [Buffer.from([0x1f, 0x8b]), "gzip"],
  [Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), "Zstandard"],
  [Buffer.from([0xff, 0xfe, 0x00, 0x00]), "UTF-32 with a byte order mark"],
  [Buffer.from([0x00, 0x00, 0xfe, 0xff]), "UTF-32 with a byte order mark"],
  [Buffer.from([0xff, 0xfe]), "UTF-16 with a byte order mark"],
  [Buffer.from([0xfe, 0xff]), "UTF-16 with a byte order mark"],
  [Buffer.from([0xef, 0xbb, 0xbf]), "a byte order mark"],
];
