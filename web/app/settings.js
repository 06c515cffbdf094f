/** AUTH of the services: `off`, `optional` or `required`. The gateway answers with what GATEWAY_AUTH says. */
export const auth = "off";
