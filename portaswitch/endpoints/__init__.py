"""The wires' ends: sockets, duplicates, peers, and the maps between a wire's packets and the core's requests and decisions."""
