package api

import _ "embed"

// OpenAPI is the description of the API, an OpenAPI 3.1 document in YAML. The server answers /openapi.json with it.
//
//go:embed openapi.yaml
var OpenAPI string
