// Requests to the server.

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
  sessionStorage.setItem(TOKEN, location.hash.slice(start.length));
  history.replaceState(null, "", location.pathname);
  return true;
}

/** RETURNS the answer of a GET request. Parameters that are null or empty are left out. */
export function get(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== "");
  const query = given.length ? `?${new URLSearchParams(given)}` : "";
  return ask("GET", path + query).then((response) => response.json());
}

/** RETURNS the answer of a POST request. */
export function post(path, body = {}) {
  return ask("POST", path, body).then((response) => response.json());
}

/** RETURNS the answer of a DELETE request. */
export function remove(path) {
  return ask("DELETE", path).then((response) => response.json());
}

/** RETURNS a file to download: its name, its content, and how many annotations it lacks, by reason. */
export async function download(path) {
  const response = await ask("GET", path);
  const named = /filename="?([^";]+)"?/.exec(response.headers.get("content-disposition") ?? "");
  const lost = JSON.parse(response.headers.get("studio-lost") ?? "{}");
  return { name: named?.[1] ?? "export", lost, blob: await response.blob() };
}

async function ask(method, path, body) {
  const headers = {};
  const token = sessionStorage.getItem(TOKEN);
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(`/studio/${path}`, { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw new Refusal(0, null);
  }
  if (response.ok) return response;
  throw new Refusal(response.status, await response.json().catch(() => null));
}
