package vicitest

import (
	"io"
	"mime/multipart"
	"strings"
)

// parseMultipart reads the fields of a multipart form in their order; files are no fields.
func parseMultipart(body, boundary string) fields {
	var f fields
	reader := multipart.NewReader(strings.NewReader(body), boundary)
	for {
		part, err := reader.NextPart()
		if err != nil {
			return f
		}
		value, err := io.ReadAll(part)
		if err == nil && part.FileName() == "" {
			f.set(part.FormName(), string(value))
		}
	}
}
