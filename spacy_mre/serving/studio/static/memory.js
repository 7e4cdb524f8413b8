// What this tab remembers, also when it is loaded again. What the browser does not take is remembered until then.

const own = new Map();

/** Remember a text under a name. RETURNS whether it outlives a reload. */
export function remember(name, text) {
  try {
    sessionStorage.setItem(name, text);
    own.delete(name);
    return true;
  } catch {
    own.set(name, text);
    return false;
  }
}

/** RETURNS what is remembered under a name, or null. */
export function recall(name) {
  return own.get(name) ?? stored((storage) => storage.getItem(name), null);
}

/** Forget what is remembered under a name. */
export function forget(name) {
  own.delete(name);
  stored((storage) => storage.removeItem(name), null);
}

/** RETURNS the names under which something is remembered. */
export function names() {
  return [...new Set([...own.keys(), ...stored(Object.keys, [])])];
}

/** Ask the storage. A browser that allows none throws even when it is named. */
function stored(ask, otherwise) {
  try {
    return ask(sessionStorage);
  } catch {
    return otherwise;
  }
}
