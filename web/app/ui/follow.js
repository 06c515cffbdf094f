const NEAR_END = 48;

/**
 * Whether the reader follows the end of a scrolled element, or holds a place further up. Changes run inside `keep`, so
 * that nothing moves under the reader.
 */
export class Follow {
  isFollowing = true;
  #scroller;
  #onChange;
  #top = 0;

  constructor(scroller, onChange) {
    this.#scroller = scroller;
    this.#onChange = onChange;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.isFollowing && this.toEnd()).observe(scroller);
  }

  toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#top = this.#scroller.scrollTop;
    this.#set(true);
  }

  /** The rows that can be seen, as indices of the scroller's children: `{first, last}`. */
  visible() {
    const { children } = this.#scroller;
    const top = this.#scroller.scrollTop;
    const first = firstBelow(children, top);
    let last = first;
    while (last + 1 < children.length && children[last + 1].offsetTop < top + this.#scroller.clientHeight) last += 1;
    return { first, last };
  }

  /** Runs a change of the children and keeps the end, or else the first row that stays where it was. */
  keep(change) {
    // The reader may have scrolled, and the event is still on its way.
    if (this.#scroller.scrollTop !== this.#top) this.#scrolled();
    if (this.isFollowing) {
      change();
      this.#scroller.scrollTop = this.#scroller.scrollHeight;
      this.#top = this.#scroller.scrollTop;
      return;
    }
    const { first, last } = this.visible();
    const before = [...this.#scroller.children].slice(first, last + 1).map((row) => [row, row.offsetTop]);
    change();
    // A gap stays at the edge that it is loaded from, so it is the last that holds a place.
    const there = before.filter(([row]) => row.isConnected);
    const anchor = there.find(([row]) => !row.matches(".gap")) ?? there[0];
    if (anchor && anchor[0].offsetTop !== anchor[1]) this.#scroller.scrollTop += anchor[0].offsetTop - anchor[1];
    this.#top = this.#scroller.scrollTop;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    this.#top = scrollTop;
    this.#set(scrollHeight - scrollTop - clientHeight <= NEAR_END);
  }

  #set(isFollowing) {
    if (isFollowing === this.isFollowing) return;
    this.isFollowing = isFollowing;
    this.#onChange(isFollowing);
  }
}

/** The first child that reaches below `top`. */
function firstBelow(children, top) {
  let low = 0;
  let high = Math.max(0, children.length - 1);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (children[middle].offsetTop + children[middle].offsetHeight > top) high = middle;
    else low = middle + 1;
  }
  return low;
}
