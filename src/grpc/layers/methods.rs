//! What each method may cost before it starts: the largest request message, the longest time, and the time without a deadline.
//!
//! One table, because every layer asks the same question and a method that is missing here would be served without limits. A test compares
//! it with the descriptors. What the methods do is not known here.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

/// What a method may cost before it starts.
#[derive(Debug, PartialEq, Eq)]
pub struct Method {
    /// Path of the request, `/patron.v1.ScoringService/Classify`.
    pub path: &'static str,
    /// How its request is received.
    pub receive: Receive,
    /// Least time a call gets whose caller sets no deadline; the server's default may be longer.
    pub default_time: Duration,
    /// Longest time a caller may ask for; the server's default may be longer.
    pub longest_time: Duration,
    /// What kind of work it is.
    pub work: Work,
}

/// How a request is received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receive {
    /// One message of at most so many bytes, or the largest message of the settings where that is less.
    Message(usize),
    /// One message of at most the largest message of the settings.
    LargestMessage,
    /// A stream of messages of at most so many bytes each, or the largest message of the settings where that is less.
    Stream(usize),
}

/// What kind of work a method does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Health: answered whatever the load, since an overloaded server is not a dead one.
    Health,
    /// A single lookup for somebody who waits on a telephone.
    CallArrival,
    /// A single lookup for somebody who looks at a screen.
    Lookup,
    /// Everything else.
    Other,
}

/// A subject and a few options: a kilobyte, and room for fields that later clients send.
const SMALL: Receive = Receive::Message(64 * 1024);

/// A thousand subjects at up to 512 bytes.
const SUBJECTS: Receive = Receive::Message(512 * 1024);

/// A document of 1 MiB, its note and the framing.
const DOCUMENT: Receive = Receive::Message(1024 * 1024 + 64 * 1024);

/// Two documents of 1 MiB.
const DOCUMENTS: Receive = Receive::Message(2 * 1024 * 1024 + 64 * 1024);

/// A question to reflection: the name of a symbol or a file.
const QUESTIONS: Receive = Receive::Stream(4 * 1024);

/// The name of a service.
const NAME: Receive = Receive::Message(4 * 1024);

const LOOKUP_LONGEST: Duration = Duration::from_secs(10);
const BATCH_DEFAULT: Duration = Duration::from_secs(30);
const BATCH_LONGEST: Duration = Duration::from_mins(1);
const HEAVY_DEFAULT: Duration = Duration::from_mins(10);
const HEAVY_LONGEST: Duration = Duration::from_hours(1);

const fn method(
    path: &'static str,
    receive: Receive,
    default_time: Duration,
    longest_time: Duration,
    work: Work,
) -> Method {
    Method {
        path,
        receive,
        default_time,
        longest_time,
        work,
    }
}

const fn lookup(path: &'static str) -> Method {
    method(path, SMALL, Duration::ZERO, LOOKUP_LONGEST, Work::Lookup)
}

const fn call_arrival(path: &'static str) -> Method {
    method(
        path,
        SMALL,
        Duration::ZERO,
        LOOKUP_LONGEST,
        Work::CallArrival,
    )
}

const fn small(path: &'static str) -> Method {
    method(path, SMALL, Duration::ZERO, BATCH_LONGEST, Work::Other)
}

const fn batch(path: &'static str, receive: Receive) -> Method {
    method(path, receive, BATCH_DEFAULT, BATCH_LONGEST, Work::Other)
}

const fn heavy(path: &'static str, receive: Receive, default_time: Duration) -> Method {
    method(path, receive, default_time, HEAVY_LONGEST, Work::Other)
}

/// Methods that do not exist: they are refused, and need no more than a small one.
static UNKNOWN: Method = small("");

static METHODS: [Method; 52] = [
    call_arrival("/patron.v1.ScoringService/Classify"),
    lookup("/patron.v1.ScoringService/ScoreLifetimeValue"),
    lookup("/patron.v1.ScoringService/ExplainSegment"),
    lookup("/patron.v1.CustomerService/GetCustomer"),
    call_arrival("/patron.v1.RoutingService/RouteContact"),
    // Two documents, and up to 50,000 contacts with the facts of their customers.
    heavy(
        "/patron.v1.RoutingService/SimulateRouting",
        DOCUMENTS,
        HEAVY_DEFAULT,
    ),
    batch("/patron.v1.ScoringService/BatchClassify", SUBJECTS),
    batch(
        "/patron.v1.ScoringService/BatchScoreLifetimeValue",
        SUBJECTS,
    ),
    batch(
        "/patron.v1.IngestService/IngestCustomers",
        Receive::LargestMessage,
    ),
    batch(
        "/patron.v1.IngestService/IngestTransactions",
        Receive::LargestMessage,
    ),
    batch(
        "/patron.v1.IngestService/IngestContacts",
        Receive::LargestMessage,
    ),
    batch(
        "/patron.v1.IngestService/IngestContracts",
        Receive::LargestMessage,
    ),
    batch(
        "/patron.v1.IngestService/IngestRates",
        Receive::LargestMessage,
    ),
    // A stream lasts as long as its caller likes: the time is that of its beginning. Each batch has the time of a batch.
    batch(
        "/patron.v1.IngestService/StreamFacts",
        Receive::Stream(usize::MAX),
    ),
    batch("/patron.v1.IngestService/ListRates", SMALL),
    batch("/patron.v1.IngestService/GetTimeZone", SMALL),
    small("/patron.v1.CorrectionService/ListImports"),
    // Everything that was imported, customer by customer.
    heavy(
        "/patron.v1.CorrectionService/UndoImport",
        SMALL,
        HEAVY_DEFAULT,
    ),
    // All facts of a group of customers, several times.
    batch("/patron.v1.CorrectionService/MergeCustomers", SMALL),
    batch("/patron.v1.CorrectionService/UnmergeCustomer", SMALL),
    small("/patron.v1.CorrectionService/ListMerges"),
    // A thousand names of facts.
    batch("/patron.v1.CorrectionService/MoveFacts", SUBJECTS),
    batch("/patron.v1.CorrectionService/EraseCustomer", SMALL),
    // Checking a document takes seconds, and publishing counts the customers whose amounts cannot be converted.
    heavy(
        "/patron.v1.DefinitionService/ValidateDefinitions",
        DOCUMENT,
        BATCH_DEFAULT,
    ),
    heavy(
        "/patron.v1.DefinitionService/PublishDefinitions",
        DOCUMENT,
        BATCH_DEFAULT,
    ),
    heavy(
        "/patron.v1.DefinitionService/RollbackDefinitions",
        SMALL,
        BATCH_DEFAULT,
    ),
    batch("/patron.v1.ServiceDeskService/RecordContactOutcome", SMALL),
    batch("/patron.v1.ServiceDeskService/EvaluateChannelPolicy", SMALL),
    batch(
        "/patron.v1.ServiceDeskService/PresortTickets",
        Receive::LargestMessage,
    ),
    // Those about groups assess every customer.
    heavy(
        "/patron.v1.ServiceDeskService/GetServiceFigures",
        SMALL,
        HEAVY_DEFAULT,
    ),
    heavy(
        "/patron.v1.ServiceDeskService/GetCostToServe",
        SMALL,
        HEAVY_DEFAULT,
    ),
    heavy(
        "/patron.v1.ServiceDeskService/ListDeflectionCandidates",
        SMALL,
        HEAVY_DEFAULT,
    ),
    heavy(
        "/patron.v1.ServiceDeskService/ListTopicSurges",
        SMALL,
        HEAVY_DEFAULT,
    ),
    // A thousand customers with all their facts.
    batch("/patron.v1.CustomerService/CheckProfiles", SMALL),
    small("/patron.v1.DefinitionService/GetRevision"),
    small("/patron.v1.DefinitionService/ListRevisions"),
    // A fit, an evaluation and a drift check read every customer first.
    heavy("/patron.v1.ModelService/FitModel", SMALL, HEAVY_DEFAULT),
    heavy(
        "/patron.v1.ModelService/EvaluateModel",
        SMALL,
        HEAVY_DEFAULT,
    ),
    heavy(
        "/patron.v1.ModelService/CompareModels",
        SMALL,
        HEAVY_DEFAULT,
    ),
    heavy("/patron.v1.ModelService/CheckDrift", SMALL, HEAVY_DEFAULT),
    heavy(
        "/patron.v1.ModelService/ScoreNewcomers",
        SMALL,
        Duration::ZERO,
    ),
    small("/patron.v1.ModelService/ListModels"),
    small("/patron.v1.ModelService/GetModel"),
    small("/patron.v1.ModelService/ActivateModel"),
    small("/patron.v1.ModelService/RollbackModel"),
    small("/patron.v1.TokenService/CreateToken"),
    small("/patron.v1.TokenService/ListTokens"),
    small("/patron.v1.TokenService/RevokeToken"),
    method(
        "/grpc.health.v1.Health/Check",
        NAME,
        Duration::ZERO,
        LOOKUP_LONGEST,
        Work::Health,
    ),
    method(
        "/grpc.health.v1.Health/Watch",
        NAME,
        Duration::ZERO,
        LOOKUP_LONGEST,
        Work::Health,
    ),
    method(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        QUESTIONS,
        Duration::ZERO,
        LOOKUP_LONGEST,
        Work::Other,
    ),
    method(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        QUESTIONS,
        Duration::ZERO,
        LOOKUP_LONGEST,
        Work::Other,
    ),
];

/// Answers that are streams, and so last until somebody ends them.
const ENDLESS: [&str; 3] = [
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// Answers that are streams and end by themselves when the drain begins, once what came before is answered.
const ENDING: [&str; 1] = ["/patron.v1.IngestService/StreamFacts"];

static BY_PATH: LazyLock<HashMap<&'static str, &'static Method>> = LazyLock::new(|| {
    let entries = METHODS.iter();
    entries.map(|method| (method.path, method)).collect()
});

/// Whether there is a method at this path.
#[must_use]
pub fn exists(path: &str) -> bool {
    BY_PATH.contains_key(path)
}

impl Method {
    /// The method of this request path; of one that does not exist, the limits of a small one.
    #[must_use]
    pub fn find(path: &str) -> &'static Self {
        BY_PATH.get(path).copied().unwrap_or(&UNKNOWN)
    }

    /// The method that a layer further out found, or the one of the request's path.
    #[must_use]
    pub fn of_request<B>(request: &http::Request<B>) -> &'static Self {
        let known = request.extensions().get::<&'static Self>();
        known
            .copied()
            .unwrap_or_else(|| Self::find(request.uri().path()))
    }

    /// Whether its answer is a stream that lasts until somebody ends it.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        ENDLESS.contains(&self.path)
    }

    /// Whether its answer is a stream that ends by itself, soon after its requests do.
    #[must_use]
    pub fn is_ending_stream(&self) -> bool {
        ENDING.contains(&self.path)
    }

    /// Time a call gets: what its caller asked for, up to the longest, or the default where the caller set no deadline. `default` is the
    /// server's.
    #[must_use]
    pub fn time(&self, asked: Option<Duration>, default: Duration) -> Duration {
        match asked {
            Some(asked) => asked.min(self.longest_time.max(default)),
            None => self.default_time.max(default),
        }
    }

    /// Most bytes of a request message, where `largest` is that of the settings.
    #[must_use]
    pub fn max_request_bytes(&self, largest: usize) -> usize {
        match self.receive {
            Receive::Message(bytes) | Receive::Stream(bytes) => bytes.min(largest),
            Receive::LargestMessage => largest,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_method_of_the_descriptors_has_its_limits() {
        let served: BTreeSet<String> = crate::app::server::methods()
            .iter()
            .map(|name| format!("/{name}"))
            .collect();
        let listed: BTreeSet<String> = METHODS.iter().map(|it| it.path.to_owned()).collect();
        assert_eq!(listed, served);
        let streams = ENDLESS.iter().chain(&ENDING);
        assert!(streams.into_iter().all(|path| listed.contains(*path)));
    }

    #[test]
    fn long_work_gets_more_time_and_nobody_gets_a_year() {
        let default = Duration::from_secs(2);
        let year = Some(Duration::from_hours(365 * 24));
        for (path, unasked, longest) in [
            ("/patron.v1.ScoringService/Classify", 2, 10),
            ("/patron.v1.ScoringService/BatchClassify", 30, 60),
            ("/patron.v1.IngestService/IngestTransactions", 30, 60),
            ("/patron.v1.ModelService/FitModel", 600, 3600),
            ("/no.such.Service/Method", 2, 60),
        ] {
            let method = Method::find(path);
            assert_eq!(method.time(None, default).as_secs(), unasked, "{path}");
            assert_eq!(method.time(year, default).as_secs(), longest, "{path}");
        }
        let generous = Duration::from_secs(700);
        let fit = Method::find("/patron.v1.ModelService/FitModel");
        assert_eq!(fit.time(None, generous), generous);
        let classify = Method::find("/patron.v1.ScoringService/Classify");
        assert_eq!(
            classify.time(year, generous),
            generous,
            "the operator's word"
        );
    }

    #[test]
    fn a_small_largest_message_holds_for_every_method() {
        let classify = Method::find("/patron.v1.ScoringService/Classify");
        assert_eq!(classify.max_request_bytes(4096), 4096);
        assert_eq!(classify.max_request_bytes(4 << 20), 64 << 10);
    }
}
