/**
 * The frame around every page: head, skip link, navigation, connection state, sign-out. The server renders it so that
 * the header does not appear late.
 */

export type NavigationEntry = Readonly<{
  title: string;
  path: string;
  domain?: string;
}>;

/**
 * Makes a document from a page file. The lines before `<main>` go into the head.
 * @param current path of the page, marked in the navigation.
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
    <a class="skip" href="#main">Skip to content</a>
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
