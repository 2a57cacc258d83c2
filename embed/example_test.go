package embed_test

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"fairlead.dev/fairlead/embed"
)

// A middleware of any Go program becomes a filter; here it adds a field.
var _ = embed.Middleware("exampleTag", func(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Tag", "seen by "+embed.RouteID(r))
		next.ServeHTTP(w, r)
	})
})

// A handler becomes a filter that answers.
var _ = embed.Handler("exampleHello", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "hello from %s", r.URL.Path)
}))

func Example() {
	s, err := embed.New(embed.Config{
		Routes: `hello: PathSubtree("/hello") -> exampleTag() -> exampleHello() -> <shunt>`,
		Flags:  []string{"-address=127.0.0.1:0"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx) }()
	<-s.Ready()

	ask := func(path string) {
		resp, err := client.Get("http://" + s.Addr().String() + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		fmt.Printf("%d %s (%s)\n", resp.StatusCode, body, resp.Header.Get("X-Tag"))
	}
	ask("/hello/world")

	err = s.SetRoutes(ctx, `other: * -> exampleTag() -> status(202) -> exampleHello() -> <shunt>`)
	if err != nil {
		fmt.Println(err)
	}
	ask("/other")

	stop()
	fmt.Println(<-done)
	// Output:
	// 200 hello from /hello/world (seen by hello)
	// 202 hello from /other (seen by other)
	// <nil>
}
