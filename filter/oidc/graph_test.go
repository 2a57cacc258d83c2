package oidc

import "fairlead.dev/fairlead/filter"

// SetGraph makes a filter ask another service for groups.
func SetGraph(f filter.Filter, url string) { f.(*oidc).graph = url }
