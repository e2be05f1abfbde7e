/** The operator's name, stored in this browser: operators share one token. */
export function author() {
  return localStorage.getItem("waybill-author") ?? "";
}

export function remember(name) {
  localStorage.setItem("waybill-author", name);
}
