// Command fairlead routes HTTP requests to backends.
package main

import (
	"os"

	"fairlead.dev/fairlead/app"
	"fairlead.dev/fairlead/cli"
)

func main() {
	os.Exit(cli.Main(cli.OSProcess(), cli.Program{Proxy: app.Proxy, Demo: app.Demo}))
}
