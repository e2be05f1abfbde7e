/**
 * What every page has around its own content: head, skip link, navigation, connection state and sign-out. The server
 * puts it there, so that the header stands in the first byte of a page and does not appear later.
 */

/** One entry of the navigation. */
export type NavigationEntry = Readonly<{
  title: string;
  path: string;
  /** The domain whose page it is; absent if it is a page of the engine. */
  domain?: string;
}>;

/**
 * Makes a document of a page file. What stands in the file before its `<main>` goes into the head: title, script and
 * style sheet of the page.
 * @param current the path of the page; its entry is marked.
 */
export function inShell(file: string, entries: readonly NavigationEntry[], current: string): string {
  const begin = Math.max(0, file.indexOf("<main"));
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
    <link rel="stylesheet" href="/ui/page.css">
    <script type="module" src="/ui/shell.js"></script>
    ${head}
  </head>
  <body>
    <a class="skip" href="#main">Skip to the content</a>
    <header>
      <h1><a href="/">Waybill</a></h1>
      <nav aria-label="Pages">
        ${links.join("\n        ")}
      </nav>
      <p id="connection" role="status"></p>
      <button id="sign-out" type="button">Sign out</button>
    </header>
    ${main}
  </body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
