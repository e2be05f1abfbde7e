/**
 * The frame around every page: head, skip link, navigation, connection state, sign-out. The server renders it so that
 * the header does not appear late. On a phone the pages are in a menu; its `popover` closes without a script.
 */

export type NavigationEntry = Readonly<{
  title: string;
  path: string;
  domain?: string;
}>;

/**
 * Makes a document from a page file. The lines before the element `main` go into the head.
 * @param current path of the page, marked in the navigation.
 */
export function inShell(
  file: string,
  entries: readonly NavigationEntry[],
  current: string,
  stylesheet = "/ui/page.css",
): string {
  const begin = Math.max(0, file.search(/<\w+ id="main"/));
  const head = file.slice(0, begin).trim();
  const main = file.slice(begin).trim();
  const links = entries.map(
    ({ title, path }) =>
      `<a href="${escapeHtml(path)}"${path === current ? ' aria-current="page"' : ""}>${escapeHtml(title)}</a>`,
  );
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <link rel="icon" href="/ui/icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="${stylesheet}">
    <script type="module" src="/ui/shell.js"></script>
    <script type="module" src="/ui/search-box.js"></script>
    <script type="module" src="/ui/shortcuts.js"></script>
    ${head}
  </head>
  <body>
    <a class="skip" href="#main">Skip to content</a>
    <header>
      <h1><a href="/">Waybill</a></h1>
      <button id="menu" type="button" class="quiet" popovertarget="pages">Menu</button>
      <div id="pages" popover>
        <nav aria-label="Pages">
          ${links.join("\n          ")}
        </nav>
        <button id="keyboard" type="button" class="quiet">Keyboard</button>
        <span id="who"></span>
        <button id="sign-out" type="button" class="quiet">Sign out</button>
      </div>
      <form id="search" role="search">
        <label class="unseen" for="search-text">Find a message</label>
        <input id="search-text" type="search" placeholder="Find: id, position, offset, trace" required maxlength="512" autocomplete="off" autocapitalize="none" spellcheck="false">
      </form>
      <p id="connection" role="status"></p>
    </header>
    ${main}
  </body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
