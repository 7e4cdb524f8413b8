// Requests to the server.

import { recall, remember } from "./memory.js";

const TOKEN = "studio.token";

/** An answer that is not a success. `status` is 0 if there was no answer at all. */
export class Refusal extends Error {
  constructor(status, body) {
    super(body?.error ?? "");
    this.status = status;
    this.body = body;
  }
}

/**
 * Keep the token of the address (`#token=...`) for this tab, and take it out of the address.
 * @returns {boolean} Whether there is one.
 */
export function keepToken() {
  const start = "#token=";
  if (!location.hash.startsWith(start)) return false;
  remember(TOKEN, location.hash.slice(start.length));
  history.replaceState(null, "", location.pathname);
  return true;
}

/** RETURNS the answer of a GET request. Parameters that are null or empty are left out. */
export function get(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== "");
  const query = given.length ? `?${new URLSearchParams(given)}` : "";
  return ask("GET", path + query, undefined, asJson);
}

/** RETURNS the answer of a POST request. */
export function post(path, body = {}) {
  return ask("POST", path, body, asJson);
}

/** RETURNS the answer of a DELETE request. */
export function remove(path) {
  return ask("DELETE", path, undefined, asJson);
}

/** RETURNS a file to download: its name, its content, and how many annotations it lacks, by reason. */
export function download(path) {
  return ask("GET", path, undefined, asFile);
}

function asJson(response) {
  return response.json();
}

async function asFile(response) {
  const named = /filename="?([^";]+)"?/.exec(response.headers.get("content-disposition") ?? "");
  const lost = JSON.parse(response.headers.get("studio-lost") ?? "{}");
  return { name: named?.[1] ?? "export", lost, blob: await response.blob() };
}

async function ask(method, path, body, read) {
  const headers = {};
  const token = recall(TOKEN);
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(`/studio/${path}`, { method, headers, body: body && JSON.stringify(body) });
    if (response.ok) return await read(response);
  } catch {
    throw new Refusal(0, null); // also if the server was killed in the midst of the answer
  }
  throw new Refusal(response.status, await response.json().catch(() => null));
}
