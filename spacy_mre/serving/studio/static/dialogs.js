// The dialogs: help, and a text to type or paste.

import { find } from "./dom.js";

/** Open a dialog. */
export function openDialog(id) {
  if (!find(id).open) find(id).showModal();
}

/** Let the buttons with data-close close their dialogs, and those with data-open open them. */
export function listenToDialogs() {
  for (const button of document.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
  for (const button of document.querySelectorAll("[data-open]")) {
    button.addEventListener("click", (event) => {
      // The focus goes back to where it was; after the mouse, keys are for the text again.
      if (event.detail > 0) find("picture").focus({ preventScroll: true });
      openDialog(button.dataset.open);
    });
  }
}
