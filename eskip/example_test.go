package eskip_test

import (
	"errors"
	"fmt"

	"fairlead.dev/fairlead/eskip"
)

func ExampleParse() {
	routes, err := eskip.Parse("shop.eskip", `
api: Path("/api") | Method("GET") -> "http://10.0.0.1:8080";
web: Host(/^shop[.]example$/) -> setPath("/x") -> <"http://10.0.0.2", "http://10.0.0.3">;
`)
	fmt.Println(eskip.Print(routes...))

	var faults eskip.ErrorList
	if errors.As(err, &faults) {
		for _, f := range faults {
			fmt.Println(f)
		}
	}
	// Output:
	// web: Host("^shop[.]example$") -> setPath("/x") -> <"http://10.0.0.2", "http://10.0.0.3">;
	// shop.eskip:2:19: route "api": found "|", expected "&&" or "->": there is no "or" between predicates: write one route for each
}

func ExamplePrinter() {
	routes, _ := eskip.Parse("", `a: Path("/a") -> status(201) -> <shunt>`)
	fmt.Println(string(eskip.Printer{Pretty: true}.Append(nil, routes...)))
	// Output:
	// a: Path("/a")
	//   -> status(201)
	//   -> <shunt>;
}
