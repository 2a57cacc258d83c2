// Package eskip is the route language: its model, parser, printer, canonical
// form and JSON form.
package eskip
