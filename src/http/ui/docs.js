/** The API document as pages. */
window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  // The requests that it makes go to this service and carry the session of whoever is signed in.
  validatorUrl: null,
  persistAuthorization: false,
});
