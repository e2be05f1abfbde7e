/** The API document in Swagger UI, with repairs of what keeps it from readers with assistive technology. */
import { complain } from "/ui/api.js";
import { byId } from "/ui/dom.js";

const place = byId("docs");

const viewer = {
  url: "/openapi.json",
  domNode: place,
  // Links inside the button that opens an operation cannot be reached.
  deepLinking: false,
  defaultModelsExpandDepth: 0,
  // Its colours have too little contrast.
  syntaxHighlight: { activated: false },
  // No external validator: requests go to this service only, with the operator's session.
  validatorUrl: null,
  persistAuthorization: false,
};
if (window.SwaggerUIBundle) window.SwaggerUIBundle(viewer);
else complain(place, new Error("the viewer did not load"), () => location.reload());

/** Swagger UI renders parts again at any time. */
new MutationObserver(repair).observe(place, { childList: true, subtree: true });

function repair() {
  place.querySelector("h1")?.setAttribute("aria-level", "2");
  for (const [index, part] of place.querySelectorAll(".information-container, .scheme-container").entries()) {
    part.setAttribute("role", "region");
    part.setAttribute("aria-label", ["About", "Servers and tokens"][index]);
  }
  for (const pre of place.querySelectorAll("pre:not([tabindex])")) pre.tabIndex = 0;
  for (const field of place.querySelectorAll("select:not([aria-label]), textarea:not([aria-label])"))
    field.setAttribute("aria-label", nameOf(field));
  for (const region of place.querySelectorAll("[role=region][id]:not([aria-label])"))
    region.setAttribute("aria-label", region.id.replaceAll("_", " "));
}

/** The parameter of the row, or what the field is for the whole section. */
function nameOf(field) {
  const parameter = field.closest("tr")?.dataset.paramName;
  if (parameter) return parameter;
  if (field.localName === "textarea") return "Request body";
  return field.id === "servers" ? "Server" : "Media type";
}
