/** The API document in Swagger UI. */
window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  // No external validator: requests go to this service only, with the operator's session.
  validatorUrl: null,
  persistAuthorization: false,
});
