// MD5 (RFC 1321), for ETags and old cache keys; the host does not offer it.

const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const SINES = Array.from({ length: 64 }, (_, at) => Math.floor(Math.abs(Math.sin(at + 1)) * 2 ** 32) | 0);

/** The 16 bytes of the hash. */
export function md5(data) {
  const padded = new Uint8Array((((data.length + 8) >> 6) + 1) << 6);
  padded.set(data);
  padded[data.length] = 0x80;
  const words = new DataView(padded.buffer);
  words.setUint32(padded.length - 8, data.length << 3, true);
  words.setUint32(padded.length - 4, data.length >>> 29, true);
  let [a, b, c, d] = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476];
  for (let block = 0; block < padded.length; block += 64) {
    const before = [a, b, c, d];
    for (let at = 0; at < 64; at++) {
      const round = at >> 4;
      let mixed, word;
      if (round === 0) [mixed, word] = [(b & c) | (~b & d), at];
      else if (round === 1) [mixed, word] = [(d & b) | (~d & c), (5 * at + 1) & 15];
      else if (round === 2) [mixed, word] = [b ^ c ^ d, (3 * at + 5) & 15];
      else [mixed, word] = [c ^ (b | ~d), (7 * at) & 15];
      const sum = (a + mixed + SINES[at] + words.getInt32(block + 4 * word, true)) | 0;
      const shift = SHIFTS[4 * round + (at & 3)];
      [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
    }
    [a, b, c, d] = [a, b, c, d].map((word, at) => (word + before[at]) | 0);
  }
  const result = new DataView(new ArrayBuffer(16));
  [a, b, c, d].forEach((word, at) => result.setInt32(4 * at, word, true));
  return new Uint8Array(result.buffer);
}
