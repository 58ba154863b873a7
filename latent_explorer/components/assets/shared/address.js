// The address of the page: it follows what is shown, without the server.
//
// Python says which parameters restore the page; the parts that the browser knows more of, such as a
// map its view, add their own. The address is replaced as they change, and a new one is pushed where
// back should lead to: at another page, checkpoint, section or chapter. On back and forward Streamlit
// itself runs the page again with the address that it finds; until Python has opened that, nothing
// is written.

/** @import {AddressData} from "./types.d.ts" */
/** @typedef {() => Record<string, string>} Part tells the parameters that a part of the page adds */

const REST_MS = 300; // a view at rest; browsers refuse more than some three changes a second
const OURS = /^(embed|embed_options)$/i; // Streamlit's own parameters, which the user gave

/** @param {Record<string, string> | URLSearchParams} params */
const written = (params) => String(new URLSearchParams(params)).replaceAll("%2C", ",");

export class Address {
  /** @param {Window} page */
  constructor(page) {
    this.page = page;
    // a change of page would lose some
    this.kept = [...new URLSearchParams(page.location.search)].filter(([name]) => OURS.test(name));
    /** @type {object | null} */
    this.speaker = null; // the mount that said it
    /** @type {AddressData | null} */
    this.said = null;
    /** @type {Map<object, Part>} */
    this.parts = new Map();
    this.opening = ""; // what Python opened last
    this.isLeft = false; // back or forward was taken, and Python has not opened it yet
    this.here = ""; // what was written last
    this.timer = 0;
    page.addEventListener("popstate", () => this.leave());
  }

  // Python's newest word.
  /** @param {object} speaker @param {AddressData} said */
  say(speaker, said) {
    const before = this.said;
    this.speaker = speaker;
    this.said = said;
    if (before && before.session !== said.session) {
      // The server was started again, and was told the address that the tab was opened with.
      this.isLeft = true;
      this.page.dispatchEvent(new PopStateEvent("popstate", { state: this.page.history.state }));
      return;
    }
    const isOpened = this.opening !== said.opening;
    if (this.isLeft && !isOpened) return; // an answer to what was asked before
    this.isLeft = false;
    this.opening = said.opening;
    const { entry } = this.page.history.state ?? {}; // Streamlit's own, of a page, has none
    this.write(!isOpened && entry !== undefined && entry !== said.entry);
  }

  // The mount is gone, and another may have spoken meanwhile.
  /** @param {object} speaker */
  unsay(speaker) {
    if (this.speaker === speaker) this.speaker = null;
  }

  /** @param {object} owner @param {Part} part */
  add(owner, part) {
    this.parts.set(owner, part);
    this.touch();
  }

  /** @param {object} owner */
  drop(owner) {
    this.parts.delete(owner);
    this.touch();
  }

  // What a part adds may have changed.
  touch() {
    clearTimeout(this.timer);
    this.timer = Number(setTimeout(() => this.rest(), REST_MS));
  }

  rest() {
    const isShown = this.speaker && this.page.history.state?.entry === this.said?.entry;
    if (isShown && !this.isLeft) this.write(false);
  }

  leave() {
    const { pathname, search } = this.page.location;
    if (pathname + search === this.here) return; // to a heading of the same page
    clearTimeout(this.timer);
    this.isLeft = true;
  }

  /** @returns {Record<string, string>} */
  params() {
    return Object.assign({}, this.said?.params, ...[...this.parts.values()].map((part) => part()));
  }

  /** @param {boolean} isNew */
  write(isNew) {
    const { location, history } = this.page;
    clearTimeout(this.timer);
    const query = new URLSearchParams(this.params());
    for (const [name, value] of this.kept) query.append(name, value);
    this.here = `${location.pathname}?${written(query)}`;
    const url = this.here + location.hash;
    const state = { ...history.state, entry: this.said?.entry };
    if (isNew) history.pushState(state, "", url);
    else if (this.here !== location.pathname + location.search || !history.state?.entry) {
      history.replaceState(state, "", url);
    }
  }

  // What "Copy link" copies: the address, and what is too long for it.
  link() {
    const { origin, pathname } = this.page.location;
    return `${origin}${pathname}?${written({ ...this.params(), ...this.said?.more })}`;
  }
}

const NAME = "latentExplorerAddress";
/** @returns {Address} */
function only() {
  const page = /** @type {any} */ (window);
  page[NAME] ??= new Address(window);
  return page[NAME];
}

// One for all components of the tab: Streamlit hands each of them a module of its own.
export const address = only();
