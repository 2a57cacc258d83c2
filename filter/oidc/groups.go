package oidc

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"fairlead.dev/fairlead/issuer"
)

const (
	// microsoftGraph answers in which groups somebody is. It is the only service
	// that tokens are shown to because an ID token says so.
	microsoftGraph = "https://graph.microsoft.com"
	// mostPages of an answer, and mostGroups of a user.
	mostPages  = 10
	mostGroups = 2000
)

// claimSources is where an ID token says that claims are to be had (OpenID Connect
// Core 1.0, 5.6.2).
type claimSources struct {
	Names   map[string]string `json:"_claim_names"`
	Sources map[string]struct {
		Endpoint string `json:"endpoint"`
	} `json:"_claim_sources"`
}

// askGroups asks for claims that the ID token leaves to Microsoft Graph, as it does
// for users who are in many groups. Claims of other services are left out: they
// are not there then.
func (f *oidc) askGroups(ctx context.Context, s *session) error {
	var from claimSources
	if err := json.Unmarshal(payload(s.IDToken), &from); err != nil {
		return fmt.Errorf("%w: where its claims are to be had: %w", errToken, err)
	}
	more := map[string][]string{}
	for claim, source := range from.Names {
		u, err := url.Parse(from.Sources[source].Endpoint)
		if err != nil || u.Host != "graph.windows.net" && u.Host != "graph.microsoft.com" {
			f.log.Debug("a claim is left to a service that is not known", "claim", claim)
			continue
		}
		if more[claim], err = f.groups(ctx, s); err != nil {
			return fmt.Errorf("claim %q: %w", claim, err)
		}
	}
	if len(more) == 0 {
		return nil
	}
	var err error
	s.More, err = json.Marshal(more)
	return err
}

// groups returns the names of the groups that the user is in, directly or through
// others. What the ID token says about where to ask is out of date: the old Graph
// is gone.
func (f *oidc) groups(ctx context.Context, s *session) ([]string, error) {
	claims, err := issuer.ParseClaims(payload(s.IDToken))
	if err != nil {
		return nil, err
	}
	user, ok := claims.Text("oid")
	if !ok || user == "" {
		return nil, fmt.Errorf("%w: the ID token does not name the user for Microsoft Graph (oid)", errToken)
	}
	names := []string{}
	next := f.graph + "/v1.0/users/" + url.PathEscape(user) + "/transitiveMemberOf?$select=onPremisesSamAccountName,id"
	for range mostPages {
		text, err := f.get(ctx, next, s.Access, f.opts.DistributedTimeout)
		if err != nil {
			return nil, err
		}
		var page struct {
			Next  string `json:"@odata.nextLink"`
			Value []struct {
				Name string `json:"onPremisesSamAccountName"`
			} `json:"value"`
		}
		if err := json.Unmarshal(text, &page); err != nil {
			return nil, fmt.Errorf("read the groups: %w", err)
		}
		for _, g := range page.Value {
			if g.Name != "" {
				names = append(names, g.Name)
			}
		}
		if len(names) > mostGroups {
			return nil, fmt.Errorf("found more than %d groups", mostGroups)
		}
		if page.Next == "" {
			return names, nil
		}
		if next = page.Next; !strings.HasPrefix(next, f.graph+"/") {
			return nil, fmt.Errorf("found the next groups at another service")
		}
	}
	return nil, fmt.Errorf("found more than %d pages of groups", mostPages)
}
