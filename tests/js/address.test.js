// The address follows what is shown: replaced, or pushed where back should lead to.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

/** @typedef {{ state: any, url: string }} Step */

// A tab: its history and its address, as a browser keeps them.
class Tab extends EventTarget {
  constructor(url = "/") {
    super();
    /** @type {Step[]} */
    this.steps = [{ state: null, url }];
    this.at = 0;
    this.changes = 0;
    const step = () => this.steps[this.at];
    const url_ = () => new URL(step().url, "http://here");
    this.location = {
      origin: "http://here",
      hash: "",
      get pathname() {
        return url_().pathname;
      },
      get search() {
        return url_().search;
      },
    };
    this.history = {
      get state() {
        return step().state;
      },
      pushState: (/** @type {any} */ state, /** @type {string} */ _, /** @type {string} */ to) => {
        this.changes++;
        this.steps = [...this.steps.slice(0, this.at + 1), { state, url: to }];
        this.at++;
      },
      replaceState: (
        /** @type {any} */ state,
        /** @type {string} */ _,
        /** @type {string} */ to,
      ) => {
        this.changes++;
        this.steps[this.at] = { state, url: to };
      },
    };
  }

  get urls() {
    return this.steps.map(({ url }) => url);
  }

  back() {
    this.at--;
    this.dispatchEvent(new Event("popstate"));
  }
}

class PopStateEvent extends Event {}
Object.assign(globalThis, { window: new Tab(), PopStateEvent });
const { Address } = await import("../../latent_explorer/components/assets/shared/address.js");

/** @type {Tab} */
let tab;
/** @type {InstanceType<typeof Address>} */
let address;
beforeEach(() => start("/"));

/** @param {string} url */
function start(url) {
  tab = new Tab(url);
  address = new Address(/** @type {any} */ (tab));
}

const mount = {};
/** @param {Record<string, string>} params @param {string} entry @param {number} opening */
const say = (params, entry, opening = 1, session = "s", more = {}) =>
  address.say(mount, {
    params,
    more,
    entry,
    opening: `${session}-${opening}`,
    session,
    hasButton: false,
  });

test("it is replaced while the entry stays, and pushed when another comes", () => {
  say({ checkpoint: "a" }, "a");
  say({ checkpoint: "a", z: "0.5,1" }, "a");
  say({ checkpoint: "b" }, "b");
  assert.deepEqual(tab.urls, ["/?checkpoint=a&z=0.5,1", "/?checkpoint=b"]);
  say({ checkpoint: "b" }, "b");
  assert.equal(tab.changes, 3, "what says nothing new writes nothing");
});

test("a page that Streamlit has pushed is taken over", () => {
  say({ z: "1" }, "explore");
  tab.history.pushState({}, "", "/compare");
  say({ other: "b" }, "compare");
  assert.deepEqual(tab.urls, ["/?z=1", "/compare?other=b"]);
});

test("the user's embed options stay, all else of an opened link goes; a copied link has neither", () => {
  start("/?embed=true&embed_options=a&embed_options=b&z=1&utm_source=x");
  say({ id: "7" }, "e", 1, "s", { digits: "long" });
  assert.deepEqual(tab.urls, ["/?id=7&embed=true&embed_options=a&embed_options=b"]);
  assert.equal(address.link(), "http://here/?id=7&digits=long");
  tab.history.pushState({}, "", "/compare");
  say({}, "compare");
  assert.equal(tab.urls[1], "/compare?embed=true&embed_options=a&embed_options=b");
});

test("parts add what they know, once they are at rest", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  say({ id: "7" }, "e");
  const map = { view: "0,1,0,1" };
  address.add(map, () => ({ view: map.view }));
  map.view = "0,2,0,2";
  address.touch();
  t.mock.timers.tick(299);
  assert.deepEqual(tab.urls, ["/?id=7"]);
  t.mock.timers.tick(1);
  assert.deepEqual(tab.urls, ["/?id=7&view=0,2,0,2"]);
  address.drop(map);
  t.mock.timers.tick(300);
  assert.deepEqual(tab.urls, ["/?id=7"]);
});

test("a part that outlives its page leaves the next one's address alone", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  say({ id: "7" }, "explore");
  address.add({}, () => ({ view: "1" }));
  tab.history.pushState({}, "", "/compare");
  t.mock.timers.tick(300);
  assert.equal(tab.urls[1], "/compare");
  tab.back();
  address.unsay({});
  assert.equal(address.speaker, mount, "another mount's end is not this one's");
  address.unsay(mount);
  address.touch();
  t.mock.timers.tick(300);
  assert.equal(tab.urls[0], "/?id=7");
});

test("after back nothing is written until Python has opened the address", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  say({ chapter: "1" }, "1");
  say({ chapter: "2" }, "2");
  tab.back();
  say({ chapter: "2", z: "3" }, "2"); // an answer that was under way
  address.touch();
  t.mock.timers.tick(300);
  assert.deepEqual(tab.urls, ["/?chapter=1", "/?chapter=2"]);
  say({ chapter: "1", z: "0" }, "1", 2);
  assert.deepEqual(tab.urls, ["/?chapter=1&z=0", "/?chapter=2"], "forward still leads on");
  say({ chapter: "3" }, "3", 2);
  assert.deepEqual(tab.urls, ["/?chapter=1&z=0", "/?chapter=3"]);
});

test("what back leads to is replaced even where it could not be restored", () => {
  say({ checkpoint: "gone" }, "gone");
  say({ checkpoint: "b" }, "b");
  tab.back();
  say({ checkpoint: "a" }, "a", 2);
  assert.deepEqual(tab.urls, ["/?checkpoint=a", "/?checkpoint=b"]);
});

test("a heading of the page is no step back", () => {
  say({ z: "1" }, "e");
  tab.dispatchEvent(new Event("popstate"));
  say({ z: "2" }, "e");
  assert.deepEqual(tab.urls, ["/?z=2"]);
});

test("a server that was started again is asked to open what the address says", () => {
  say({ z: "1" }, "e");
  let asked = 0;
  tab.addEventListener("popstate", () => asked++);
  say({ z: "old" }, "e", 1, "another");
  assert.equal(asked, 1);
  assert.deepEqual(tab.urls, ["/?z=1"]);
  say({ z: "1", split: "test" }, "e", 2, "another");
  assert.equal(asked, 1);
  assert.deepEqual(tab.urls, ["/?z=1&split=test"]);
});
