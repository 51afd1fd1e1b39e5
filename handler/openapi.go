package handler

import (
	"encoding/json"
	"fmt"
	"net/http"

	"go.yaml.in/yaml/v3"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// openAPI serves the description of the API.
func (rt *router) openAPI(w http.ResponseWriter, r *http.Request, c *call) error {
	file, err := rt.document()
	if err != nil {
		return err
	}
	sendPageFile(w, r, file)
	return nil
}

// openAPIDocument converts the description of the API to JSON, which needs no parser of the reader's own.
func openAPIDocument() (pageFile, error) {
	var document map[string]any
	if err := yaml.Unmarshal([]byte(api.OpenAPI), &document); err != nil {
		return pageFile{}, fmt.Errorf("openapi.yaml: %w", err)
	}
	body, err := json.Marshal(document)
	if err != nil {
		return pageFile{}, fmt.Errorf("openapi.yaml: %w", err)
	}
	return newPageFile("openapi.json", body), nil
}
