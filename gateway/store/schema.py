"""The tables of the SQLite store, and how an older file becomes a newer one."""

import sqlite3

MIGRATIONS = (
    """
    -- What the engine was fed with. Ids are never used again, so a checkpoint's position stays true.
    CREATE TABLE journal (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        node TEXT NOT NULL,      -- of a status: its agent
        boot TEXT,               -- NULL: a status of an agent, which has no number
        seq INTEGER,
        t_ms INTEGER NOT NULL,   -- event time; rows leave by it
        payload BLOB NOT NULL,   -- zlib of the JSON on the wire
        UNIQUE (node, boot, seq)
    );
    CREATE INDEX journal_by_time ON journal (t_ms);

    CREATE TABLE checkpoint (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        position INTEGER NOT NULL,
        t_ms INTEGER NOT NULL,
        next_cursor INTEGER NOT NULL,
        site TEXT NOT NULL,
        engine BLOB NOT NULL,
        recorder BLOB NOT NULL
    );

    CREATE TABLE secret (only INTEGER PRIMARY KEY CHECK (only = 1), value BLOB NOT NULL);

    -- One row per floor and snapshot, columns of devices inside (gateway.store.columns): a row per device
    -- and moment would be 170 million rows a day in a mall of 20,000 phones.
    CREATE TABLE positions (
        t_ms INTEGER NOT NULL,
        floor TEXT NOT NULL,
        columns BLOB NOT NULL,
        PRIMARY KEY (t_ms, floor)
    ) WITHOUT ROWID;

    CREATE TABLE visits (
        visit TEXT PRIMARY KEY,
        device TEXT NOT NULL,
        zone TEXT NOT NULL,
        floor TEXT NOT NULL,
        started_ms INTEGER NOT NULL,
        seen_ms INTEGER NOT NULL,
        ended_ms INTEGER,
        dwell_s REAL NOT NULL,
        confidence REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX visits_by_start ON visits (started_ms);
    CREATE INDEX visits_of_zone ON visits (zone, started_ms);
    CREATE INDEX visits_open ON visits (visit) WHERE ended_ms IS NULL;

    CREATE TABLE paths (
        path TEXT PRIMARY KEY,
        device TEXT NOT NULL,
        started_ms INTEGER NOT NULL,
        ended_ms INTEGER NOT NULL,
        steps BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX paths_by_start ON paths (started_ms);

    CREATE TABLE events (
        cursor INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        t_ms INTEGER NOT NULL,
        zone TEXT NOT NULL,
        floor TEXT NOT NULL,
        visit TEXT NOT NULL,
        dwell_s REAL NOT NULL,
        payload BLOB             -- NULL once the broker has taken the event
    );
    CREATE INDEX events_by_time ON events (t_ms);
    CREATE INDEX events_unpublished ON events (cursor) WHERE payload IS NOT NULL;

    -- Minutes in which nobody was in a zone have no row.
    CREATE TABLE zone_minutes (
        minute_ms INTEGER NOT NULL,
        zone TEXT NOT NULL,
        people_mean REAL NOT NULL,
        people_max REAL NOT NULL,
        variance_mean REAL NOT NULL,
        started INTEGER NOT NULL,
        ended INTEGER NOT NULL,
        PRIMARY KEY (minute_ms, zone)
    ) WITHOUT ROWID;

    CREATE TABLE cell_minutes (
        minute_ms INTEGER NOT NULL,
        floor TEXT NOT NULL,
        cell_m REAL NOT NULL, x0_m REAL NOT NULL, y0_m REAL NOT NULL,
        nx INTEGER NOT NULL, ny INTEGER NOT NULL,
        cells BLOB NOT NULL,     -- gateway.store.columns
        PRIMARY KEY (floor, minute_ms)
    ) WITHOUT ROWID;

    -- The same for whole hours: a minute's cells are kept as long as positions, an hour's as long as rollups.
    CREATE TABLE cell_hours (
        minute_ms INTEGER NOT NULL,
        floor TEXT NOT NULL,
        cell_m REAL NOT NULL, x0_m REAL NOT NULL, y0_m REAL NOT NULL,
        nx INTEGER NOT NULL, ny INTEGER NOT NULL,
        cells BLOB NOT NULL,
        PRIMARY KEY (floor, minute_ms)
    ) WITHOUT ROWID;

    CREATE TABLE nodes (
        node TEXT PRIMARY KEY,
        last_ms INTEGER NOT NULL,
        health BLOB NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE stays (
        stay TEXT PRIMARY KEY,
        plate TEXT NOT NULL,
        area TEXT NOT NULL,
        started_ms INTEGER NOT NULL,
        seen_ms INTEGER NOT NULL,
        entered_ms INTEGER,
        left_ms INTEGER,
        confidence REAL NOT NULL,
        region TEXT NOT NULL,
        energy TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX stays_by_start ON stays (started_ms);

    CREATE TABLE car_park_minutes (
        minute_ms INTEGER NOT NULL,
        area TEXT NOT NULL,
        cars_mean REAL NOT NULL,
        cars_max REAL NOT NULL,
        variance_mean REAL NOT NULL,
        entered INTEGER NOT NULL,
        left INTEGER NOT NULL,
        queue_mean REAL NOT NULL,
        PRIMARY KEY (minute_ms, area)
    ) WITHOUT ROWID;
    """,
    """
    -- What operators write down themselves. One that was taken back is kept, so that others can learn of it.
    CREATE TABLE promotions (
        promotion TEXT PRIMARY KEY,
        zone TEXT NOT NULL,
        start_ms INTEGER NOT NULL,
        end_ms INTEGER NOT NULL,
        title_en TEXT NOT NULL,
        title_zh TEXT NOT NULL,
        removed INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX promotions_by_start ON promotions (start_ms);
    """,
    """
    -- What waits for a server elsewhere: finished bodies of requests, with the checkpoint they belong to.
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        database TEXT NOT NULL,
        policy TEXT NOT NULL,
        added_ms INTEGER NOT NULL, -- wall time
        points INTEGER NOT NULL,
        bytes INTEGER NOT NULL,    -- of the body
        body BLOB NOT NULL         -- gzip of line protocol
    );
    CREATE INDEX outbox_in_order ON outbox (database, policy, id);

    -- How much that is, kept by the triggers below: counting a month of it would take seconds.
    CREATE TABLE outbox_totals (
        database TEXT NOT NULL,
        policy TEXT NOT NULL,
        bodies INTEGER NOT NULL,
        points INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        PRIMARY KEY (database, policy)
    ) WITHOUT ROWID;
    CREATE TRIGGER outbox_in AFTER INSERT ON outbox BEGIN
        INSERT INTO outbox_totals VALUES (new.database, new.policy, 1, new.points, new.bytes)
        ON CONFLICT DO UPDATE SET
            bodies = bodies + 1, points = points + excluded.points, bytes = bytes + excluded.bytes;
    END;
    CREATE TRIGGER outbox_out AFTER DELETE ON outbox BEGIN
        UPDATE outbox_totals SET bodies = bodies - 1, points = points - old.points, bytes = bytes - old.bytes
        WHERE database = old.database AND policy = old.policy;
    END;

    -- Points that will never arrive, and why.
    CREATE TABLE outbox_lost (
        database TEXT NOT NULL,
        policy TEXT NOT NULL,
        cause TEXT NOT NULL,       -- refused, full
        points INTEGER NOT NULL,
        last_ms INTEGER NOT NULL,
        PRIMARY KEY (database, policy, cause)
    ) WITHOUT ROWID;

    -- What is needed here of a history that is elsewhere: newest states, and the minutes of the hour.
    CREATE TABLE latest (
        kind TEXT NOT NULL,        -- visit, stay
        id TEXT NOT NULL,
        seen_ms INTEGER NOT NULL,
        over INTEGER NOT NULL,
        record BLOB NOT NULL,      -- JSON
        PRIMARY KEY (kind, id)
    ) WITHOUT ROWID;
    CREATE TABLE latest_cell_minutes (
        minute_ms INTEGER NOT NULL,
        floor TEXT NOT NULL,
        cell_m REAL NOT NULL, x0_m REAL NOT NULL, y0_m REAL NOT NULL,
        nx INTEGER NOT NULL, ny INTEGER NOT NULL,
        cells BLOB NOT NULL,
        PRIMARY KEY (floor, minute_ms)
    ) WITHOUT ROWID;
    CREATE TABLE latest_cell_hours (
        minute_ms INTEGER NOT NULL,
        floor TEXT NOT NULL,
        cell_m REAL NOT NULL, x0_m REAL NOT NULL, y0_m REAL NOT NULL,
        nx INTEGER NOT NULL, ny INTEGER NOT NULL,
        cells BLOB NOT NULL,
        PRIMARY KEY (floor, minute_ms)
    ) WITHOUT ROWID;
    """,
    """
    -- Up to where figures are made of a history that is elsewhere, and the hours that have changed since.
    CREATE TABLE figure_minutes (only INTEGER PRIMARY KEY CHECK (only = 1), minutes_done_ms INTEGER NOT NULL);
    CREATE TABLE figure_hours (
        hour_ms INTEGER NOT NULL,
        part TEXT NOT NULL,          -- minutes, visits
        changed_ms INTEGER NOT NULL, -- event time
        PRIMARY KEY (hour_ms, part)
    ) WITHOUT ROWID;
    """,
    """
    -- By what drivers find their cars: of a ticket, a keyed hash of what is printed on it.
    CREATE TABLE tickets (
        ticket BLOB PRIMARY KEY,
        camera TEXT NOT NULL,
        from_ms INTEGER NOT NULL,  -- the car passed that camera in this period
        to_ms INTEGER NOT NULL,
        stay TEXT,                 -- NULL until the car's stay is known
        expires_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX tickets_by_end ON tickets (expires_ms);

    -- Who has had which free parking.
    CREATE TABLE claims (
        claim TEXT PRIMARY KEY,    -- what the claimant calls it: the same claim again is no second one
        voucher TEXT NOT NULL,
        stay TEXT NOT NULL,
        member BLOB,               -- a keyed hash
        day INTEGER NOT NULL,      -- of the mall
        t_ms INTEGER NOT NULL,
        free_min INTEGER NOT NULL,
        UNIQUE (voucher, stay),
        UNIQUE (voucher, member, day)
    ) WITHOUT ROWID;
    CREATE INDEX claims_of_stay ON claims (stay);
    CREATE INDEX claims_by_time ON claims (t_ms);
    """,
    """
    -- The CRM (gateway.crm). Times of `recorded_ms` are of the wall, all others event time.
    CREATE TABLE crm_persons (
        person TEXT PRIMARY KEY,   -- 16 random hex digits; means nothing once this row is gone
        reference TEXT NOT NULL UNIQUE,
        since_ms INTEGER NOT NULL
    ) WITHOUT ROWID;

    -- Who agreed to what, or took it back. Only ever appended to.
    CREATE TABLE crm_consents (
        entry INTEGER PRIMARY KEY AUTOINCREMENT,
        person TEXT NOT NULL,
        purpose TEXT NOT NULL,
        given INTEGER NOT NULL,
        t_ms INTEGER NOT NULL,
        text TEXT NOT NULL,        -- version of what was agreed to
        channel TEXT NOT NULL,
        recorded_ms INTEGER NOT NULL
    );
    CREATE INDEX crm_consents_of ON crm_consents (person, purpose, entry);
    CREATE TRIGGER crm_consents_stay BEFORE UPDATE ON crm_consents BEGIN
        SELECT RAISE(ABORT, 'the consent ledger is only appended to');
    END;
    CREATE TRIGGER crm_consents_last BEFORE DELETE ON crm_consents BEGIN
        SELECT RAISE(ABORT, 'the consent ledger is only appended to');
    END;

    -- Evidence that an identifier is a person's; ended, never changed.
    CREATE TABLE crm_claims (
        claim INTEGER PRIMARY KEY AUTOINCREMENT,
        person TEXT NOT NULL,
        kind TEXT NOT NULL,
        digest TEXT NOT NULL,
        evidence TEXT NOT NULL,
        confidence REAL NOT NULL,
        t_ms INTEGER NOT NULL,
        recorded_ms INTEGER NOT NULL,
        ended_ms INTEGER,
        ended_why TEXT
    );
    CREATE INDEX crm_claims_of ON crm_claims (person);
    CREATE INDEX crm_claims_to ON crm_claims (kind, digest);

    -- The mall's key with which wifi and plate digests were made: its id, never the key.
    CREATE TABLE crm_key (only INTEGER PRIMARY KEY CHECK (only = 1), key TEXT NOT NULL);

    -- Two references that are one person, until it is undone.
    CREATE TABLE crm_merges (
        merge INTEGER PRIMARY KEY AUTOINCREMENT,
        person TEXT NOT NULL,      -- goes on as
        into_person TEXT NOT NULL,
        evidence TEXT NOT NULL,
        t_ms INTEGER NOT NULL,
        recorded_ms INTEGER NOT NULL,
        undone_ms INTEGER,
        undone_why TEXT
    );
    CREATE INDEX crm_merges_of ON crm_merges (person) WHERE undone_ms IS NULL;
    CREATE INDEX crm_merges_into ON crm_merges (into_person) WHERE undone_ms IS NULL;

    -- Grows with every change of consents and identities, in the same transaction.
    CREATE TABLE crm_generation (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        generation INTEGER NOT NULL,
        matched INTEGER NOT NULL   -- for which everything that is kept was decided
    );
    INSERT INTO crm_generation VALUES (1, 0, 0);

    -- What the pipeline hands over, in the transaction of its checkpoint; the CRM's worker takes it out.
    CREATE TABLE crm_inbox (
        item INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,        -- event, sighting
        payload BLOB NOT NULL
    );

    -- Whose a device of the engine is, or a stay: from an identifier that was heard or read.
    CREATE TABLE crm_sightings (
        subject TEXT NOT NULL,     -- pseudonym of a device as events name it, or a stay
        kind TEXT NOT NULL,
        digest TEXT NOT NULL,
        first_ms INTEGER NOT NULL,
        last_ms INTEGER NOT NULL,
        confidence REAL NOT NULL,
        address TEXT NOT NULL,     -- pseudonym that was heard: it may turn out to be another device's
        PRIMARY KEY (subject, kind, digest)
    ) WITHOUT ROWID;
    CREATE INDEX crm_sightings_of ON crm_sightings (kind, digest);
    CREATE INDEX crm_sightings_heard ON crm_sightings (address);
    CREATE INDEX crm_sightings_by_time ON crm_sightings (last_ms);

    -- What those sightings say, with identities and consents as they are now.
    CREATE TABLE crm_links (
        subject TEXT PRIMARY KEY,
        person TEXT NOT NULL,
        confidence REAL NOT NULL,
        evidence TEXT NOT NULL,    -- kinds, in order, joined by +
        since_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX crm_links_of ON crm_links (person);

    -- Events as they are told, in order; each revision is a row.
    CREATE TABLE crm_feed (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL,
        revision INTEGER NOT NULL,
        kind TEXT NOT NULL,
        zone TEXT NOT NULL,
        subject TEXT NOT NULL,     -- device, stay, or what else the event is about
        person TEXT,               -- whose it is
        t_ms INTEGER NOT NULL,     -- when it was told, so later than what it says where it is told again
        payload BLOB NOT NULL,     -- JSON of contracts.crm.FeedEvent
        UNIQUE (id, revision)
    );
    CREATE INDEX crm_feed_of_subject ON crm_feed (subject, seq);
    CREATE INDEX crm_feed_of_person ON crm_feed (person, seq) WHERE person IS NOT NULL;
    CREATE INDEX crm_feed_by_time ON crm_feed (t_ms);

    -- What is known of consenting members over more than a day.
    CREATE TABLE crm_visits (
        visit TEXT PRIMARY KEY,
        person TEXT NOT NULL,
        zone TEXT NOT NULL,        -- mall: from coming in to leaving
        floor TEXT NOT NULL,
        started_ms INTEGER NOT NULL,
        ended_ms INTEGER,          -- NULL while it goes on
        dwell_s REAL NOT NULL,
        confidence REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX crm_visits_of ON crm_visits (person, started_ms);
    CREATE INDEX crm_visits_by_time ON crm_visits (started_ms);
    CREATE TABLE crm_stays (
        stay TEXT PRIMARY KEY,
        person TEXT NOT NULL,
        entered_ms INTEGER,
        left_ms INTEGER,
        confidence REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX crm_stays_of ON crm_stays (person, entered_ms);

    -- What the tills sold.
    CREATE TABLE crm_sales (
        sale TEXT PRIMARY KEY,     -- number of the receipt, with its shop
        zone TEXT NOT NULL,
        t_ms INTEGER NOT NULL,
        amount INTEGER NOT NULL,   -- smallest unit of the currency
        discount INTEGER NOT NULL,
        items INTEGER NOT NULL,
        person TEXT                -- who showed a card
    ) WITHOUT ROWID;
    CREATE INDEX crm_sales_by_time ON crm_sales (t_ms);
    CREATE INDEX crm_sales_of_zone ON crm_sales (zone, t_ms);
    CREATE INDEX crm_sales_of ON crm_sales (person, t_ms) WHERE person IS NOT NULL;

    -- What is still to be taken out of the history after somebody was erased; goes when nothing is left.
    CREATE TABLE crm_erasures (
        erasure INTEGER PRIMARY KEY AUTOINCREMENT,
        traces BLOB NOT NULL,      -- JSON of gateway.store.erasing.traces.Traces
        since_ms INTEGER NOT NULL, -- wall time, like next_ms
        next_ms INTEGER NOT NULL
    );

    -- Who is sent the feed (gateway.crm.delivery). Lists are JSON; NULL stands for all.
    CREATE TABLE crm_subscribers (
        subscriber TEXT PRIMARY KEY,
        url TEXT,                  -- NULL: the mall's broker
        zones TEXT,
        kinds TEXT,
        segments TEXT,
        private INTEGER NOT NULL,  -- may be in the mall's own network, without TLS
        paused INTEGER NOT NULL,
        secret BLOB NOT NULL,
        old_secret BLOB,           -- signs beside the new one until old_until_ms
        old_until_ms INTEGER,
        cursor INTEGER NOT NULL,   -- up to where rows of crm_feed are in crm_pending, or were passed over
        failures INTEGER NOT NULL, -- in a row, of the receiver as a whole
        next_try_ms INTEGER NOT NULL, -- wall time, like all times of delivery
        last_ok_ms INTEGER,
        last_error TEXT
    ) WITHOUT ROWID;

    -- What each of them waits for. Only the first row of a lane may be sent; triggers keep which that is.
    CREATE TABLE crm_pending (
        subscriber TEXT NOT NULL,
        seq INTEGER NOT NULL,      -- of crm_feed
        lane TEXT NOT NULL,        -- person, or subject where nobody is known
        since_ms INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        next_try_ms INTEGER NOT NULL DEFAULT 0,
        last_error TEXT,
        head INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (subscriber, seq)
    ) WITHOUT ROWID;
    CREATE INDEX crm_pending_of ON crm_pending (seq);
    CREATE INDEX crm_pending_lanes ON crm_pending (subscriber, lane, seq);
    CREATE INDEX crm_pending_heads ON crm_pending (subscriber, seq) WHERE head = 1;
    CREATE INDEX crm_pending_by_time ON crm_pending (since_ms);
    CREATE INDEX crm_pending_failed ON crm_pending (subscriber) WHERE attempts > 0;
    CREATE TRIGGER crm_pending_in AFTER INSERT ON crm_pending BEGIN
        UPDATE crm_pending SET head = 0
        WHERE subscriber = new.subscriber AND lane = new.lane AND seq > new.seq AND head = 1;
        UPDATE crm_pending SET head = 1
        WHERE subscriber = new.subscriber AND seq = new.seq AND NOT EXISTS (
            SELECT 1 FROM crm_pending
            WHERE subscriber = new.subscriber AND lane = new.lane AND seq < new.seq
        );
    END;
    CREATE TRIGGER crm_pending_out AFTER DELETE ON crm_pending BEGIN
        UPDATE crm_pending SET head = 1
        WHERE subscriber = old.subscriber AND seq = (
            SELECT min(seq) FROM crm_pending WHERE subscriber = old.subscriber AND lane = old.lane
        );
    END;

    CREATE INDEX crm_feed_withdrawn ON crm_feed (seq) WHERE kind = 'member.withdrawn';

    -- What could not be delivered in time. What it says is in crm_feed, where it has not gone since.
    CREATE TABLE crm_dead (
        subscriber TEXT NOT NULL,
        seq INTEGER NOT NULL,
        id TEXT NOT NULL,
        revision INTEGER NOT NULL,
        kind TEXT NOT NULL,
        zone TEXT NOT NULL,
        t_ms INTEGER NOT NULL,     -- of the event
        since_ms INTEGER NOT NULL,
        dead_ms INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (subscriber, seq)
    ) WITHOUT ROWID;
    CREATE INDEX crm_dead_of ON crm_dead (seq);
    CREATE INDEX crm_dead_by_time ON crm_dead (dead_ms);

    -- Figures of hours that alerts compare with what is usual. An hour with zone `mall` is known.
    CREATE TABLE crm_kpi_hours (
        part TEXT NOT NULL,        -- visits, dwell
        hour_ms INTEGER NOT NULL,
        zone TEXT NOT NULL,
        number INTEGER NOT NULL,   -- of visits
        total REAL NOT NULL,       -- of `mall`: minutes with anybody; of dwell: sum of logarithms of seconds
        squares REAL NOT NULL,     -- of dwell: sum of their squares
        PRIMARY KEY (part, hour_ms, zone)
    ) WITHOUT ROWID;
    CREATE TABLE crm_kpi_progress (kpi TEXT PRIMARY KEY, next_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE crm_alerts (
        alert TEXT PRIMARY KEY,
        kpi TEXT NOT NULL,
        side INTEGER NOT NULL,     -- -1 low, 1 high
        zones TEXT NOT NULL,       -- JSON
        t_ms INTEGER NOT NULL,     -- the hour it began with
        ended_ms INTEGER,
        quiet_hours INTEGER NOT NULL,
        cooled_hours INTEGER,      -- hours since it ended, until others may begin
        sent INTEGER NOT NULL,     -- 0: there were too many that day
        data BLOB NOT NULL         -- JSON of contracts.crm.KpiAlert
    ) WITHOUT ROWID;
    CREATE INDEX crm_alerts_by_time ON crm_alerts (t_ms);

    -- Members understood (gateway.crm.members). Models speak of groups alone; `data` is JSON of their module.
    CREATE TABLE crm_models (
        model TEXT PRIMARY KEY,    -- tiers, clusters, rules
        fitted_ms INTEGER NOT NULL,
        data BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE crm_segments (
        person TEXT NOT NULL,
        part TEXT NOT NULL,        -- tier, cluster
        segment TEXT NOT NULL,
        probability REAL NOT NULL,
        PRIMARY KEY (person, part)
    ) WITHOUT ROWID;
    CREATE INDEX crm_segments_in ON crm_segments (segment);
    CREATE TABLE crm_tags (
        person TEXT NOT NULL,
        tag TEXT NOT NULL,
        PRIMARY KEY (person, tag)
    ) WITHOUT ROWID;
    CREATE TABLE crm_audiences (
        audience TEXT PRIMARY KEY,
        made_ms INTEGER NOT NULL,
        data BLOB NOT NULL         -- JSON of gateway.crm.members.audiences.Definition
    ) WITHOUT ROWID;
    """,
)
"""Statement scripts; number i brings a file from version i to version i + 1."""


def version(connection: sqlite3.Connection) -> int:
    """The version of the tables in a file; 0 = a new file."""
    value: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return value


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to the newest version, each step all or nothing."""
    for number in range(version(connection), len(MIGRATIONS)):
        connection.executescript(f"BEGIN;{MIGRATIONS[number]};PRAGMA user_version = {number + 1};COMMIT;")
