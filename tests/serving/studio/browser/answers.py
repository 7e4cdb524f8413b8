"""What happens to an answer of the server before the page gets it.

The page's own `fetch` is replaced. Routes of Playwright are not safe here: Chromium does not always apply a route to
the first requests after it was set, if the page was loaded before. Neither is `wait_for_function`: when what it waits
for does not hold at once, it calls `eval` in the page, which the page's content security policy refuses.
"""

from tests.serving.running import wait_until

# The next request of this kind is handled in another way, and only this one.
NEXT = """([path, method, change]) => {
  const ask = window.fetch;
  const changes = {
    lose: async (request) => {
      await request();
      throw new TypeError("Failed to fetch");
    },
    cut: async () => new Response('{"item": '),
    hold: async (request) => {
      const answer = await request();
      window.isHeld = true;
      await new Promise((resolve) => { window.letGo = resolve; });
      if (change.isLost) throw new TypeError("Failed to fetch");
      return answer;
    },
    replace: async () => new Response("x", { headers: change.headers }),
  };
  window.fetch = async (url, options) => {
    if (!url.startsWith(path) || options.method !== method) return ask(url, options);
    window.fetch = ask;
    return changes[change.kind](() => ask(url, options));
  };
}"""


def lose_next(page, path, *, method="POST"):
    """The server does what it is asked, but its answer never arrives."""
    page.evaluate(NEXT, [path, method, {"kind": "lose"}])


def cut_next(page, path, *, method="POST"):
    """Half of an answer arrives, and the server has not done what it is asked."""
    page.evaluate(NEXT, [path, method, {"kind": "cut"}])


def replace_next(page, path, headers, *, method="GET"):
    """The answer is a file with these headers."""
    page.evaluate(NEXT, [path, method, {"kind": "replace", "headers": headers}])


def hold_next(page, path, *, method="POST", is_lost=False):
    """The answer arrives, or is lost, when it is let go.

    RETURNS (Callable): Lets it go, when it is held.
    """
    page.evaluate(NEXT, [path, method, {"kind": "hold", "isLost": is_lost}])

    def let_go():
        wait_held(page)
        page.evaluate("window.letGo()")

    return let_go


def wait_held(page):
    """Wait until the answer that `hold_next` holds has arrived."""
    wait_until(lambda: page.evaluate("window.isHeld === true"))
