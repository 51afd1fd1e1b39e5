package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
)

// newFront returns a proxy before the drive that gives the entries of its lists the dates of the scene: a drive that was filled
// a second ago would show today everywhere, and another day with every picture.
func newFront(drive string, dates map[string]string) (*httptest.Server, error) {
	to, err := url.Parse(drive)
	if err != nil {
		return nil, err
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	// The browser leaves in the middle of the film.
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	proxy.ModifyResponse = func(answer *http.Response) error {
		if answer.Request.URL.Path != "/file/query" || answer.StatusCode != http.StatusOK {
			return nil
		}
		return redate(answer, dates)
	}
	return httptest.NewServer(proxy), nil
}

func redate(answer *http.Response, dates map[string]string) error {
	defer answer.Body.Close()
	var entries []map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&entries); err != nil {
		return err
	}
	for _, e := range entries {
		name, _ := e["FileName"].(string)
		if date, ok := dates[name]; ok {
			e["LastUpdated"] = date
		} else {
			e["LastUpdated"] = "2026-11-27 18:20:00" // uploaded just now
		}
	}
	body, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	answer.ContentLength = int64(len(body))
	answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}
