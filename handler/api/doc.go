// Package api is the wire: the JSON types, field names, codes and their statuses that server and client share.
//
// It owns what is written on the wire and nothing of what it means: no rule, no store, no HTTP handling. How processes of
// one drive sign what they ask of each other's nodes stands here too, because both sides must do it alike.
// Field names are PascalCase because the programs written for the original filestore-server expect them so.
package api
