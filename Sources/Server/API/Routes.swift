import Dialects
import HTTP

/// What the server does at a path.
enum Route: Sendable {
    /// The dialects that are spoken there.
    case webSocket([Mount])
    case socketIO(Mount)
    case api(API.Endpoint)
}

/// A dialect at one of its paths.
struct Mount: Sendable {
    let name: DialectName
    let endpoint: Endpoint
}

extension Router where Endpoint == Route {
    /// All paths: those of every dialect, and the API's.
    static func make() -> Router<Route> {
        var router = Router<Route>()
        var mounts: [(path: String, mounts: [Mount])] = []
        for name in DialectName.allCases {
            for endpoint in name.dialect.endpoints {
                let mount = Mount(name: name, endpoint: endpoint)
                if name.dialect.transport == .socketIO {
                    router.add(.any, endpoint.path, .socketIO(mount))
                } else if let known = mounts.firstIndex(where: { $0.path == endpoint.path }) {
                    mounts[known].mounts.append(mount)
                } else {
                    mounts.append((endpoint.path, [mount]))
                }
            }
        }
        for (path, mounts) in mounts { router.add(.get, path, .webSocket(mounts)) }
        for endpoint in API.endpoints { router.add(endpoint.method, endpoint.path, .api(endpoint)) }
        return router
    }
}
