/** Who is subscribed to what: a row of bits for each Reader, by slot; a column for each channel. */
export class SubscriptionMap {
  session = null;
  version = -1;
  /** By slot: `{reader, bits}`. */
  rows = [];

  /** The document of `/statistics/map`: the length of the head (4 bytes), the head in JSON, the rows. */
  static parse(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    return { head, bytes: new Uint8Array(buffer, 4 + length) };
  }

  load(head, bytes) {
    this.session = head.session;
    this.version = head.version;
    this.rows = [];
    head.rows.forEach(({ slot, reader }, index) => {
      this.rows[slot] = { reader, bits: bytes.slice(index * head.rowBytes, (index + 1) * head.rowBytes) };
    });
  }

  /**
   * Applies one change: XOR of the bytes that changed, in blocks of one row. False when it does not continue what is
   * here; what is here already is passed over.
   */
  apply(version, change) {
    if (version <= this.version) return true;
    if (version !== this.version + 1) return false;
    this.version = version;
    let at = 0;
    const varint = () => {
      let [value, shift] = [0, 0];
      for (;;) {
        const byte = change[at];
        at += 1;
        value += (byte & 127) * 2 ** shift;
        shift += 7;
        if (byte < 128) return value;
      }
    };
    while (at < change.length) {
      const slot = change[at];
      at += 1;
      const row = (this.rows[slot] ??= { reader: null, bits: new Uint8Array(0) });
      let column = 0;
      for (;;) {
        column += varint();
        const count = varint();
        if (count === 0) break;
        if (row.bits.length < column + count) row.bits = grown(row.bits, column + count);
        for (let each = 0; each < count; each += 1) row.bits[column + each] ^= change[at + each];
        column += count;
        at += count;
      }
    }
    return true;
  }

  /** A copy that does not change. */
  copy() {
    const copy = new SubscriptionMap();
    copy.session = this.session;
    copy.version = this.version;
    copy.rows = this.rows.map((row) => row && { reader: row.reader, bits: row.bits.slice() });
    return copy;
  }

  has(slot, column) {
    const bits = this.rows[slot]?.bits;
    return bits !== undefined && ((bits[column >> 3] >> (column & 7)) & 1) === 1;
  }

  /** The columns with a subscription, in their order. */
  channels() {
    const rows = this.rows.filter(Boolean).map(({ bits }) => bits);
    const length = Math.max(0, ...rows.map((bits) => bits.length));
    const any = new Uint8Array(length);
    for (const bits of rows) for (let at = 0; at < bits.length; at += 1) any[at] |= bits[at];
    const columns = new Uint32Array(length * 8);
    let count = 0;
    for (let at = 0; at < length; at += 1) {
      for (let bits = any[at], bit = 0; bits !== 0; bits >>= 1, bit += 1) {
        if (bits & 1) {
          columns[count] = at * 8 + bit;
          count += 1;
        }
      }
    }
    return columns.subarray(0, count);
  }
}

function grown(bits, length) {
  const longer = new Uint8Array(Math.max(length, Math.ceil(bits.length * 1.25)));
  longer.set(bits);
  return longer;
}

/** Where cell `cell` of `cells` begins, among `count` channels. */
export function cellStart(cell, cells, count) {
  return Math.floor((cell * count) / cells);
}

/** The cell that has the channel at `index`. */
export function cellOf(index, cells, count) {
  let cell = Math.min(cells - 1, Math.floor((index * cells) / count));
  while (cell + 1 < cells && cellStart(cell + 1, cells, count) <= index) cell += 1;
  while (cell > 0 && cellStart(cell, cells, count) > index) cell -= 1;
  return cell;
}

/** Bits that are set, by byte. */
const ONES = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);

/** Bits that are set from column `first` to column `last`. */
function ones(bits, first, last) {
  const end = last >> 3;
  let at = first >> 3;
  if (at === end) return ONES[bits[at] & (255 << (first & 7)) & (255 >> (7 - (last & 7)))] ?? 0;
  let count = ONES[bits[at] & (255 << (first & 7)) & 255];
  for (at += 1; at < end; at += 1) count += ONES[bits[at]];
  return count + ONES[bits[end] & (255 >> (7 - (last & 7)))];
}

/**
 * The picture's numbers: for each slot, and each of at most `width` cells, the part of the cell's channels that the
 * Reader is subscribed to, 0 to 1. A cell is one channel where there is room for it. `channels` are columns that follow each
 * other in `map.channels()`: what lies between two of them has no subscription.
 */
export function cells(map, slots, channels, width) {
  const count = channels.length;
  const across = Math.min(width, count);
  const means = new Float32Array(slots.length * across);
  const starts = new Uint32Array(across + 1);
  for (let cell = 0; cell <= across; cell += 1) starts[cell] = cellStart(cell, across, count);
  slots.forEach((slot, row) => {
    const bits = map.rows[slot]?.bits;
    if (!bits) return;
    for (let cell = 0; cell < across; cell += 1) {
      const [start, end] = [starts[cell], starts[cell + 1]];
      means[row * across + cell] = ones(bits, channels[start], channels[end - 1]) / (end - start);
    }
  });
  return { means, across };
}

export function decoded(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
