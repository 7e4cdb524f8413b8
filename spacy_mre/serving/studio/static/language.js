// The language of the interface: that of the browser, or the one that the person chose.

import { WORDS } from "./words.js";

const CHOICE = "studio.language";
const FALLBACK = "en";

/** The languages, each by its own name. */
export const LANGUAGES = { ja: "日本語", en: "English", zh: "中文" };

let language = chosen() ?? preferred();

/** RETURNS the language of the interface. */
export function currentLanguage() {
  return language;
}

/** Choose the language of the interface. */
export function setLanguage(name) {
  language = name in WORDS ? name : FALLBACK;
  try {
    localStorage.setItem(CHOICE, language);
  } catch {
    // Without storage, the choice holds until the page is closed.
  }
}

/** RETURNS a text of the interface, with {names} replaced by values. */
export function word(name, values = {}) {
  return WORDS[language][name].replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

/** RETURNS a share as percent. */
export function percent(share) {
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 }).format(share);
}

/** Put the texts of the interface into elements that name one: data-word, data-word-label or data-word-hint. */
export function translate(root) {
  document.documentElement.lang = language;
  const all = (selector) => root.querySelectorAll(selector);
  for (const each of all("[data-word]")) each.textContent = word(each.dataset.word);
  for (const each of all("[data-word-label]")) each.setAttribute("aria-label", word(each.dataset.wordLabel));
  for (const each of all("[data-word-hint]")) each.placeholder = word(each.dataset.wordHint);
}

function chosen() {
  try {
    const kept = localStorage.getItem(CHOICE);
    return kept in WORDS ? kept : null;
  } catch {
    return null;
  }
}

function preferred() {
  const spoken = navigator.languages.map((each) => each.slice(0, 2).toLowerCase());
  return spoken.find((each) => each in WORDS) ?? FALLBACK;
}
