import { placementOf, residual } from "./verdict.js";

/** What is kept of each state: a quarter of an hour at full rate, and two hours of every eighth. */
const FINE = 900;
const COARSE_STEP = 8;
const COARSE = 900;

/** So long a moment must be steady before it takes the place of one in which more was subscribed. */
const STEADY = 30_000;
const MOMENT_STEP = 3_000;

/**
 * The last moment of which it can be said that it was like this: when Readers are stopped to be started with another
 * placement, their subscriptions are gone before the change is seen.
 */
export class LastSteady {
  #taken = null;
  #lessSince = null;

  /** Whether this state is to be kept now. */
  takes(state) {
    const time = Date.parse(state.time);
    const placement = placementOf(state);
    if (placement === null || !state.subscriptions) return false;
    const taken = this.#taken;
    const isLess = taken !== null && taken.placement === placement && state.subscriptions < 0.9 * taken.subscriptions;
    this.#lessSince = isLess ? this.#lessSince ?? time : null;
    const isDue = taken === null || time - taken.time >= MOMENT_STEP || time < taken.time;
    if (!isDue || (isLess && time - this.#lessSince < STEADY)) return false;
    this.#taken = { time, placement, subscriptions: state.subscriptions };
    return true;
  }
}

/** What was measured over time, bounded: points `{time, share, predicted, half, amplification, …}` and marks. */
export class Series {
  #fine = [];
  #coarse = [];
  #count = 0;
  #before = null;
  #placement = null;
  #session = null;
  /** `{time, from, to}`: placement changed. */
  marks = [];

  /** Takes a state; returns `{point, mark}`, where `mark` is set when placement changed with it. */
  add(state) {
    const time = Date.parse(state.time);
    if (state.session !== this.#session) this.#before = null;
    this.#session = state.session;
    const rates = this.#rates(state, time);
    const rest = residual(state);
    const point = {
      time, share: state.meanShare ?? null, predicted: state.predictedShare ?? null, half: rest?.half ?? null,
      amplification: state.amplification ?? null, connections: state.connections, subscriptions: state.subscriptions,
      ...rates,
    };
    this.#fine.push(point);
    if (this.#fine.length > FINE) {
      const [old] = this.#fine.splice(0, 1);
      if (this.#count % COARSE_STEP === 0) this.#coarse.push(old);
      if (this.#coarse.length > COARSE) this.#coarse.shift();
      this.#count += 1;
    }
    const mark = this.#marked(state, time);
    this.#before = { time, readers: new Map(state.readers.map((reader) => [reader.id, reader])), published: state.published };
    return { point, mark };
  }

  get points() {
    return [...this.#coarse, ...this.#fine];
  }

  /** Per second since the state before; null in the first, and for a Reader that started anew nothing is counted. */
  #rates(state, time) {
    const before = this.#before;
    const seconds = before ? (time - before.time) / 1000 : 0;
    if (seconds <= 0) return { deliveries: null, events: null, published: null };
    const sum = (member) => state.readers.reduce((total, reader) => {
      const known = before.readers.get(reader.id)?.[member];
      return total + (known === undefined ? 0 : Math.max(0, reader[member] - known));
    }, 0) / seconds;
    return {
      deliveries: sum("received"), events: sum("sent"),
      published: Math.max(0, state.published - before.published) / seconds,
    };
  }

  #marked(state, time) {
    const placement = placementOf(state);
    if (placement === null || placement === this.#placement) return null;
    const from = this.#placement;
    this.#placement = placement;
    if (from === null) return null;
    const mark = { time, from, to: placement };
    this.marks.push(mark);
    if (this.marks.length > 100) this.marks.shift();
    return mark;
  }
}
