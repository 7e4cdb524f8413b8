// Texts in, corpora out.

import { download, post } from "./api.js";
import { find, make } from "./dom.js";
import { loadQueue } from "./queue.js";
import { loadState, openItem, report } from "./session.js";
import { store, tell } from "./store.js";

/** Listen to the dialog of a new text, and to the export. */
export function listenToTransfer() {
  find("paste-add").addEventListener("click", addText);
  find("paste-text").addEventListener("keydown", (event) => {
    // Enter alone is a new line.
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) addText();
  });
  find("export").addEventListener("click", exportSaved);
}

/** Draw the formats to choose from. */
export function drawFormats() {
  const { exports } = store.state;
  const choice = find("export-form");
  const before = choice.value;
  choice.replaceChildren(...exports.map((name) => make("option", { value: name, text: name })));
  if (exports.includes(before)) choice.value = before;
  find("export").disabled = exports.length === 0;
}

async function addText() {
  const text = find("paste-text").value;
  if (text.trim() === "") return;
  try {
    const { key } = await post("texts", { text });
    // More may have been typed meanwhile.
    if (find("paste-text").value === text) find("paste-text").value = "";
    find("paste-dialog").close();
    find("picture").focus();
    const before = store.message;
    await Promise.all([openItem(key), loadState(), loadQueue()]);
    // What is told about corrections of the text is more important.
    if (store.message === before) tell("text_added");
  } catch (error) {
    // What was typed stays in the dialog.
    find("paste-dialog").close();
    report(error);
  }
}

async function exportSaved() {
  try {
    const { name, lost, blob } = await download(`export?${new URLSearchParams({ form: find("export-form").value })}`);
    const href = URL.createObjectURL(blob);
    const link = make("a", { href, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
    const reasons = Object.entries(lost).map(([reason, count]) => `${reason}: ${count}`);
    if (reasons.length) tell("exported_less", { name, reasons: reasons.join("; ") }, "warning");
    else tell("exported", { name });
  } catch (error) {
    report(error);
  }
}
