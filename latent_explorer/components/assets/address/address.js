// What the address says, and a button that copies it for pages without a map.
// Streamlit calls the default export again when data or theme change.

import { address } from "../shared/address.js";
import { find, takeOutOfFlow } from "../shared/elements.js";
import { copyByButton } from "../shared/link.js";

/** @import {AddressData, Mount} from "../shared/types.d.ts" */

/** @param {Mount<AddressData>} mount */
export default function ({ data, parentElement }) {
  const button = find(parentElement, ".copy", HTMLButtonElement);
  button.hidden = !data.hasButton;
  button.onclick = () => copyByButton(button);
  const putBack = data.hasButton ? () => {} : takeOutOfFlow(parentElement);
  address.say(parentElement, data);
  return () => {
    address.unsay(parentElement);
    putBack();
  };
}
