/** Who acts: remembered in this browser, because everybody at the desk has the same token. */
export function author() {
  return localStorage.getItem("waybill-author") ?? "";
}

export function remember(name) {
  localStorage.setItem("waybill-author", name);
}
